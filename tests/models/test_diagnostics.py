"""Diagnostics without labels, on paths and Jacobians of which the answer is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds import SO3, FlatTorus, Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.diagnostics import (
    decoder_jacobian,
    distance_to_orthogonality,
    order_errors,
    winding_number,
)
from deltavae.models.networks import mlp_decoder, mlp_encoder
from deltavae.models.objectives import BetaObjective
from deltavae.models.readouts import FactorReadout, RotatedReadout
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior, ProductPosterior

TURN = np.linspace(0, 2 * np.pi, 24, endpoint=False)
SHAPE = (64, 64, 1)


def wrapped(angles):
    return np.angle(np.exp(1j * angles))


@pytest.mark.parametrize("turns", [-2, -1, 0, 1, 3])
def test_a_path_winds_as_often_as_it_goes_round(turns):
    path = turns * TURN + 0.4 * np.sin(TURN) + 1.0
    assert winding_number(wrapped(path)) == turns


def test_order_on_a_circle_and_on_a_line():
    assert order_errors(wrapped(2.0 - TURN), closed=True) == 0
    assert order_errors(wrapped(TURN), closed=False) == 1  # the one step back, from pi to -pi
    swapped = TURN.copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    assert order_errors(wrapped(swapped), closed=True) == 1
    # up and down again: half of the steps go each way
    assert order_errors(np.abs(TURN - np.pi), closed=False) == 12
    assert order_errors(np.zeros(24), closed=True) == 24


def test_distance_to_orthogonality_of_known_jacobians():
    """Columns scaled and permuted: 0. Axes turned by phi: |R - 1|_F = 2 sqrt(1 - cos phi)."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(50, 3)))[0]
    apart = basis[:, [2, 0, 1]] * [3.0, -2.0, 0.5]
    assert distance_to_orthogonality(apart) == pytest.approx(0, abs=1e-12)
    for phi in (0.1, 0.7):
        c, s = np.cos(phi), np.sin(phi)
        turned = basis[:, :2] * [3.0, 1.0] @ np.array([[c, -s], [s, c]])
        expected = 2 * np.sqrt(1 - c)
        assert distance_to_orthogonality(turned) == pytest.approx(expected, rel=1e-9)
    both = distance_to_orthogonality(np.stack([apart[:, :2], turned]))
    np.testing.assert_allclose(both, [0, expected], atol=1e-9)


def model(posterior, readout=None):
    keras.utils.set_random_seed(0)
    decoder = mlp_decoder(SHAPE, posterior.latent_dim, units=(4,))
    made = DeltaVAE(mlp_encoder(SHAPE, units=(4,)), posterior, decoder, BetaObjective())
    made.readout = readout
    return made


def test_the_jacobian_is_that_of_differences_along_the_codes():
    """Each code of a mixed space moved alone, by the readout's own definition of it."""
    parts = [DiffusionPosterior(FlatTorus(1)), GaussianPosterior(2)]
    readout = FactorReadout(
        "angles", [{"start": 0, "stop": 2, "cut": 0.3}, {"start": 2, "stop": 4}]
    )
    made = model(ProductPosterior(parts), readout)
    images = tf.random.stateless_uniform([3, *SHAPE], (0, 1))
    loc = made.parameters(images)["loc"].numpy().astype(np.float64)
    found = decoder_jacobian(made, images)
    assert found.shape == (3, 64 * 64, 3)
    h = 1e-2
    for column in range(3):

        def at(step, column=column):
            moved = loc.copy()
            if column == 0:
                angle = np.arctan2(loc[:, 1], loc[:, 0]) + step
                moved[:, 0], moved[:, 1] = np.cos(angle), np.sin(angle)
            else:
                moved[:, column + 1] += step
            return made.decode(moved.astype(np.float32)).numpy().reshape(3, -1)

        expected = (at(h) - at(-h)) / (2 * h)
        np.testing.assert_allclose(found[..., column], expected, atol=2e-3)


def test_axes_of_a_sphere_are_the_readouts_along_it():
    matrix = np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    posterior = DiffusionPosterior(Hypersphere(3))
    images = tf.random.stateless_uniform([2, *SHAPE], (0, 1))
    plain = model(posterior)
    rotated = decoder_jacobian(plain, images) @ matrix
    plain.readout = RotatedReadout("aligned", matrix)
    np.testing.assert_allclose(decoder_jacobian(plain, images), rotated, atol=1e-5)
    # off the sphere nothing moves
    loc = plain.parameters(images)["loc"].numpy()
    radial = np.einsum("npc,nc->np", decoder_jacobian(plain, images), loc @ matrix)
    np.testing.assert_allclose(radial, 0, atol=1e-5)


def test_spaces_whose_points_are_no_codes_are_refused():
    with pytest.raises(UserError, match="no axes"):
        decoder_jacobian(model(DiffusionPosterior(SO3())), np.zeros((1, *SHAPE), np.float32))
