"""Keras's `fit` and the loop of `train.py` are one training: both call `DeltaVAE.update`."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.data.pipeline import batches
from deltavae.models import networks
from deltavae.models.adam import FusedAdam
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.objectives import CapacityObjective
from deltavae.posteriors import GaussianPosterior
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.interrupts import StopRequest
from tests.faults.small import Noise, drive, small_loop, small_model


def bernoulli_model():
    keras.utils.set_random_seed(0)
    return DeltaVAE(
        networks.mlp_encoder((64, 64, 1), units=(4,)),
        GaussianPosterior(2),
        networks.mlp_decoder((64, 64, 1), 2, units=(4,)),
        CapacityObjective(),
        "bernoulli",
    )


@pytest.mark.parametrize("make", [small_model, bernoulli_model])
@pytest.mark.parametrize("together", [1, 4])
def test_fit_and_the_loop_give_the_same_weights(tmp_path, make, together):
    loop = small_loop(
        tmp_path, model=make(), capacity=Capacity(2.0, 2.0), steps_per_execution=together
    )
    rows = drive(loop, StopRequest()).history
    assert loop.step == 20

    fitted = make()
    fitted.compile(FusedAdam(1e-3, epsilon=1e-8))
    fitted.capacity.assign(2.0)
    losses = []
    for epoch, steps in enumerate([6, 6, 6, 2]):
        data = batches(Noise(), 4, 0, epoch, steps)
        losses += fitted.fit(data, verbose=0, shuffle=False).history["loss"]
    for ours, theirs in zip(loop.model.weights, fitted.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose([row["loss"] for row in rows], losses, rtol=1e-5)


def test_the_loss_of_a_bernoulli_model_is_the_cross_entropy(tmp_path):
    model = bernoulli_model()
    for weight in model.decoder.weights:
        weight.assign(tf.zeros_like(weight))
    row = drive(small_loop(tmp_path, model=model, steps=1), StopRequest()).history[0]
    # logits of zero: every pixel costs log 2, whatever the image
    assert row["reconstruction"] == pytest.approx(64 * 64 * np.log(2), rel=1e-5)
