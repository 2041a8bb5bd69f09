"""Readouts: orthogonal, repeatable, along the axes that the data were made with."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.models import READOUTS
from deltavae.models.readouts import fit_readout, least_dense_angle


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
    out = fit_readout("angles", codes)(codes)
    assert out.shape == (3000, 2)
    # no jump inside the data: each angle is the true one plus a constant
    assert np.ptp(out - theta, axis=0).max() < 1e-5
    assert np.abs(out).max() <= np.pi


def test_angles_are_refused_off_circles():
    codes = np.random.default_rng(6).normal(size=(50, 4))
    with pytest.raises(UserError, match="made of circles"):
        fit_readout("angles", codes)


@pytest.mark.parametrize("name", READOUTS)
def test_saves_loads_and_agrees_between_arrays_and_tensors(name):
    codes = circles(7, 500, 3)[1].astype(np.float32)
    readout = fit_readout(name, codes)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(readout))
    np.testing.assert_array_equal(again(codes), readout(codes))
    np.testing.assert_allclose(readout(tf.constant(codes)), readout(codes), atol=2e-6)


def test_unknown_names_and_codes_that_are_not_finite_are_refused():
    with pytest.raises(UserError, match="one of embedding, aligned, ica, angles"):
        fit_readout("pca", np.ones((4, 2)))
    with pytest.raises(UserError, match="2 not finite"):
        fit_readout("aligned", np.array([[np.nan, 1.0], [np.inf, 1.0]]))
