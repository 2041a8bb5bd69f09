"""In a real training at beta 10 the KL of the objective follows C, in every mode."""

import keras
import numpy as np
import pytest

from deltavae.data import load
from deltavae.data.pipeline import batches
from deltavae.manifolds import Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import CapacityObjective
from deltavae.posteriors import DiffusionPosterior
from deltavae.training.capacity_schedule import Capacity

MODES = [("exact", "exact"), ("random_walk", "asymptotic"), ("algorithm1", "asymptotic")]


@pytest.mark.parametrize(("mode", "kl"), MODES, ids=[mode for mode, _ in MODES])
def test_kl_follows_capacity(mode, kl):
    keras.utils.set_random_seed(0)
    data = load("turntable")
    posterior = DiffusionPosterior(Hypersphere(10), mode=mode, kl=kl)
    model = DeltaVAE(
        mlp_encoder(data.image_shape, (64,)),
        posterior,
        mlp_decoder(data.image_shape, posterior.latent_dim, (64,)),
        CapacityObjective(beta=10.0),
    )
    model.compile(keras.optimizers.Adam(3e-3))
    ramp, epochs = Capacity(0.0, 15.0, num_epochs=12), 14
    seen = []
    for epoch in range(epochs):
        model.capacity.assign(ramp.at(epoch, epochs))
        model.fit(batches(data, 32, 0, epoch, 60), verbose=0, shuffle=False)
        q = model.encode(data.images(np.arange(0, data.num_images, 97)))
        kl_now = q.kl_divergence(posterior.prior()).numpy().mean()
        seen.append((model.capacity.numpy(), kl_now))
    late = np.array([row for row in seen if row[0] >= 3.0])
    assert len(late) == 11
    np.testing.assert_allclose(late[:, 1], late[:, 0], rtol=0.15)
