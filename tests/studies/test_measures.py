"""What a model says of itself: the information that its samples carry, on one scale."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.data import ArrayData, Factor
from deltavae.manifolds import FlatTorus, Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import BetaObjective
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior
from deltavae.studies.measures import codes_by_readout, measure

IMAGES = np.random.RandomState(0).randint(256, size=(40, 64, 64, 1)).astype(np.uint8)
DATA = ArrayData("noise", [Factor("number", 40)], IMAGES)


def model(manifold, log_time, **options):
    """Untrained, with one diffusion time for all images."""
    posterior = DiffusionPosterior(manifold, **options)
    decoder = mlp_decoder(DATA.image_shape, posterior.latent_dim)
    made = DeltaVAE(mlp_encoder(DATA.image_shape), posterior, decoder, BetaObjective())
    kernel, bias = posterior.log_time_head.weights
    kernel.assign(tf.zeros_like(kernel))
    bias.assign([log_time])
    return made


def test_algorithm_1_as_printed_carries_what_its_walk_takes():
    """At t where equation (3) says 15 nats, d = 10, the samples carry 32.9.

    Five steps of length t walk for the time 5 t².
    """
    made = model(Hypersphere(10), np.log(0.0054783), mode="algorithm1", kl="asymptotic")
    measured = measure(made, DATA, number=16)
    assert measured["kl"] == pytest.approx(15.0, abs=0.01)
    assert measured["information"] == pytest.approx(32.9, abs=0.1)
    total = measured["elbo"] + measured["reconstruction"] + measured["information"]
    assert total == pytest.approx(0, abs=1e-3)


def test_a_walk_in_step_with_the_formula_carries_what_it_says():
    made = model(Hypersphere(10), np.log(0.0054778), mode="random_walk", kl="asymptotic")
    assert measure(made, DATA, number=16)["information"] == pytest.approx(15.0, abs=0.01)


def test_held_out_images_are_measured_apart():
    made = model(Hypersphere(3), -2.0)
    measured = measure(made, DATA, holdout=0.5, number=64)
    assert measured["held_out_elbo"] != measured["elbo"]
    assert measured["held_out_elbo"] == pytest.approx(
        -measured["held_out_reconstruction"] - measured["held_out_information"]
    )
    assert "held_out_elbo" not in measure(made, DATA, number=16)


def test_a_sphere_has_no_angles_and_circles_have():
    readouts = ("embedding", "aligned", "angles")
    assert list(codes_by_readout(model(Hypersphere(3), -2.0), DATA, readouts, number=16)) == [
        "embedding",
        "aligned",
    ]
    codes = codes_by_readout(model(FlatTorus(2), -2.0), DATA, readouts, number=16)
    assert {name: each.shape for name, each in codes.items()} == {
        "embedding": (16, 4),
        "aligned": (16, 4),
        "angles": (16, 2),
    }


def test_a_ring_of_images_is_a_closed_path_of_codes():
    """24 images, of which image i carries the angle i / 24 of a turn in two pixels."""
    turn = 2 * np.pi * np.arange(24) / 24
    images = np.zeros((24, 64, 64, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 1, 0] = 127 + 100 * np.cos(turn), 127 + 100 * np.sin(turn)
    data = ArrayData("ring", [Factor("azimuth", 24, symmetry=1)], images)

    class Eye(keras.layers.Layer):
        """Sees the two pixels, about their mean."""

        def call(self, images):
            return tf.reshape(images[:, 0, :2, 0], [-1, 2]) - 0.498

    def seen_by(posterior, weights):
        pixels = keras.Input(data.image_shape)
        encoder = keras.Model(pixels, Eye()(pixels))
        decoder = mlp_decoder(data.image_shape, posterior.latent_dim, units=(4,))
        made = DeltaVAE(encoder, posterior, decoder, BetaObjective())
        posterior.loc_head.kernel.assign(weights)
        return measure(made, data, number=24)

    circle = seen_by(DiffusionPosterior(Hypersphere(1)), np.eye(2))
    assert (circle["winding_number"], circle["order_errors"]) == (1, 0)
    line = seen_by(GaussianPosterior(1), np.array([[1.0], [0.0]]))
    assert (line["winding_number"], line["order_errors"]) == (0, 12)
    assert circle["distance_to_orthogonality"] >= 0
