"""Readouts: orthogonal, repeatable, along the axes that the data were made with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.export.hub_module import write_module
from deltavae.manifolds import Euclidean, FlatTorus, Hypersphere, Product
from deltavae.models import READOUTS
from deltavae.models.readouts import (
    AngleReadout,
    fit_readout,
    least_dense_angle,
    require_fitting,
)

MIXED = Product([FlatTorus(2), Hypersphere(2), Euclidean(1)])
KL = [3.0, 0.2, 2.0, 0.5]


def rotation(seed, dim):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(dim, dim)))[0]


def circles(seed, num, count):
    angles = np.random.default_rng(seed).uniform(-np.pi, np.pi, (num, count))
    codes = np.empty((num, 2 * count))
    codes[:, 0::2], codes[:, 1::2] = np.cos(angles), np.sin(angles)
    return angles, codes


def test_aligned_finds_the_axes_in_order_of_variance_and_keeps_the_mean():
    scales = np.array([3.0, 2.0, 1.0, 0.5])
    turn = rotation(0, 4)
    plain = np.random.default_rng(1).normal(size=(20000, 4)) * scales
    readout = fit_readout("aligned", plain @ turn.T + 5.0)
    np.testing.assert_allclose(readout.matrix.T @ readout.matrix, np.eye(4), atol=1e-6)
    # column j is the j-th axis up to its sign; standard error of an angle is about 0.01
    np.testing.assert_allclose(np.abs(turn.T @ readout.matrix), np.eye(4), atol=0.05)
    assert (np.max(readout.matrix, axis=0) == np.max(np.abs(readout.matrix), axis=0)).all()
    np.testing.assert_allclose(readout(np.zeros((1, 4), np.float32)), 0, atol=1e-7)


def test_ica_unmixes_sources_that_pca_cannot_tell_apart():
    sources = np.random.default_rng(2).uniform(-1, 1, (20000, 3))
    turn = rotation(3, 3)
    readout = fit_readout("ica", sources @ turn.T)
    found = np.abs(turn.T @ readout.matrix)
    np.testing.assert_allclose(readout.matrix.T @ readout.matrix, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(np.sort(found, axis=0)[-1], 1, atol=0.01)


def test_the_cut_lies_in_the_gap():
    angles = np.random.default_rng(4).uniform(0.5, 2 * np.pi - 0.5, 5000)
    turned = np.mod(angles + 2.0, 2 * np.pi)  # the middle of the gap is now at 2.0
    assert abs(least_dense_angle(turned) - 2.0) < 0.2


def test_angles_jump_only_at_the_cut():
    rng = np.random.default_rng(5)
    theta = rng.uniform(0.4, 2 * np.pi - 0.4, (3000, 2)) + np.array([1.0, -2.0])
    codes = np.empty((3000, 4), np.float32)
    codes[:, 0::2], codes[:, 1::2] = np.cos(theta), np.sin(theta)
    out = fit_readout("angles", codes, FlatTorus(2))(codes)
    assert out.shape == (3000, 2)
    # no jump inside the data: each angle is the true one plus a constant
    assert np.ptp(out - theta, axis=0).max() < 1e-5
    assert np.abs(out).max() <= np.pi


def mixed_codes(seed, num):
    """Codes on two circles, a sphere and a line, and the circles' angles."""
    angles, circles_ = circles(seed, num, 2)
    rng = np.random.default_rng(seed)
    sphere = rng.normal(size=(num, 3)) * [0.2, 2.0, 0.7]
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    line = rng.normal(size=(num, 1))
    return angles, np.concatenate([circles_, sphere, line], axis=1).astype(np.float32)


def test_angles_read_each_factor_by_what_it_is():
    angles, codes = mixed_codes(8, 4000)
    readout = fit_readout("angles", codes, MIXED)
    out = readout(codes)
    assert out.shape == (4000, 6)
    assert readout.codes == [
        {"factor": 0, "kind": "angle"},
        {"factor": 1, "kind": "angle"},
        *[{"factor": 2, "kind": "direction"}] * 3,
        {"factor": 3, "kind": "line"},
    ]
    # angles up to a turn of each circle, the sphere most variance first, the line as it is
    turned = np.mod(out[:, :2] - angles, 2 * np.pi)
    assert np.max(np.abs(np.exp(1j * turned) - np.exp(1j * turned[0]))) < 1e-5
    np.testing.assert_allclose(np.abs(out[:, 2:5]), np.abs(codes[:, [5, 6, 4]]), atol=0.1)
    assert np.all(np.diff(np.var(out[:, 2:5], axis=0)) < 0)
    np.testing.assert_array_equal(out[:, 5], codes[:, 7])


def test_principal_is_one_number_per_factor_along_which_it_varies_most():
    codes = mixed_codes(9, 4000)[1]
    # the second circle is seen on an arc around the direction (3, 4) / 5 only
    arc = np.arctan2(4, 3) + np.random.default_rng(1).uniform(-0.4, 0.4, 4000)
    codes[:, 2], codes[:, 3] = np.cos(arc), np.sin(arc)
    readout = fit_readout("principal", codes, MIXED)
    out = readout(codes)
    assert [code["factor"] for code in readout.codes] == [0, 1, 2, 3]
    across = codes[:, 2:4] @ np.array([-0.8, 0.6])
    assert abs(np.corrcoef(out[:, 1], across)[0, 1]) > 0.999
    assert abs(np.corrcoef(out[:, 2], codes[:, 5])[0, 1]) > 0.999
    np.testing.assert_array_equal(out[:, 3], codes[:, 7])


@pytest.mark.parametrize("name", ["angles", "principal"])
def test_active_leaves_out_factors_below_half_a_nat(name):
    codes = mixed_codes(10, 500)[1]
    every = fit_readout(name, codes, MIXED)
    active = fit_readout(f"{name}_active", codes, MIXED, KL)
    kept = [i for i, code in enumerate(every.codes) if code["factor"] != 1]
    assert active.codes == [every.codes[i] for i in kept]
    np.testing.assert_array_equal(active(codes), every(codes)[:, kept])


@pytest.mark.parametrize(
    ("name", "space", "kl", "message"),
    [
        ("angles", Hypersphere(3), None, "needs a latent space with circles"),
        ("angles", Euclidean(4), None, "needs a latent space with circles"),
        ("angles", None, None, "needs the latent space.*the array `circles`"),
        ("principal", None, None, "needs the latent space"),
        ("angles_active", FlatTorus(2), [0.4, 0.1], r"would leave no code.*received 0.40, 0.10"),
        ("angles_active", FlatTorus(2), None, "needs the mean KL.*received none"),
        ("principal_active", Hypersphere(3), [9.0], "several factors"),
    ],
)
def test_readouts_that_cannot_be_made_are_refused(name, space, kl, message):
    codes = np.random.default_rng(6).normal(size=(50, 4))
    with pytest.raises(UserError, match=message):
        fit_readout(name, codes, space, kl)


def test_what_cannot_fit_is_refused_before_training():
    require_fitting("angles_active", MIXED)
    require_fitting("principal", Hypersphere(10))
    require_fitting("angles", MIXED, capacity=0.1)
    with pytest.raises(UserError, match=r"can be active.*>= 0.5 nat.*received 0.1"):
        require_fitting("angles_active", MIXED, capacity=0.1)
    for name, space in (("angles", Euclidean(3)), ("principal_active", Hypersphere(2))):
        with pytest.raises(UserError, match="needs a latent space"):
            require_fitting(name, space)


def test_angle_readouts_saved_before_there_were_factors_load():
    """Their configuration held one cut per circle."""
    codes = circles(11, 200, 2)[1].astype(np.float32)
    saved = {
        "module": None,
        "class_name": "AngleReadout",
        "registered_name": "deltavae>AngleReadout",
        "config": {"name": "angles", "norm": None, "cuts": [0.5, -2.0]},
    }
    assert AngleReadout.from_config(saved["config"]).codes[1] == {"factor": 1, "kind": "angle"}
    out = keras.saving.deserialize_keras_object(saved)(codes)
    angle = np.arctan2(codes[:, 1::2], codes[:, 0::2])
    # the angle from the direction opposite to the cut, in (-pi, pi]
    expected = np.angle(np.exp(1j * (angle - np.array([0.5, -2.0]) - np.pi)))
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("name", READOUTS)
def test_every_readout_is_made_of_operations_of_tf_1_13(name, tmp_path):
    """And the module that is written gives the codes of the readout."""
    codes = mixed_codes(12, 60)[1]
    readout = fit_readout(name, codes, MIXED, KL)
    offset = tf.constant(np.zeros((2, 2, 1, 8), np.float32))

    def representation(images):
        flat = tf.reshape(images, [-1, 8]) + tf.reduce_sum(offset)
        return readout(flat)

    write_module(representation, (2, 4, 1), tmp_path / "hub")
    module = tf.saved_model.load(str(tmp_path / "hub")).signatures["representation"]
    images = tf.constant(codes.reshape(-1, 2, 4, 1))
    np.testing.assert_allclose(module(images=images)["default"], readout(codes), atol=2e-6)


@pytest.mark.parametrize("name", READOUTS)
def test_saves_loads_and_agrees_between_arrays_and_tensors(name):
    codes = mixed_codes(7, 500)[1]
    readout = fit_readout(name, codes, MIXED, KL)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(readout))
    np.testing.assert_array_equal(again(codes), readout(codes))
    assert again.codes == readout.codes and len(readout.codes) == readout(codes).shape[1]
    np.testing.assert_allclose(readout(tf.constant(codes)), readout(codes), atol=2e-6)


def test_unknown_names_and_codes_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="one of embedding, aligned, ica, angles"):
        fit_readout("pca", np.ones((4, 2)))
    with pytest.raises(UserError, match="2 not finite"):
        fit_readout("aligned", np.array([[np.nan, 1.0], [np.inf, 1.0]]))
