"""Theorems that hold on every manifold."""

import inspect
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae import manifolds
from deltavae.errors import UserError
from deltavae.manifolds import (
    SO3,
    EmbeddedTorus,
    Euclidean,
    FlatTorus,
    Hypersphere,
    Interval,
    Product,
    RealProjective,
)

SPACES = [
    Hypersphere(1),
    Hypersphere(2),
    Hypersphere(10),
    FlatTorus(3),
    Product([Hypersphere(2), Hypersphere(1), SO3()]),
    Product([FlatTorus(2), Euclidean(2)]),
    RealProjective(1),
    RealProjective(4),
    SO3(),
    Interval(),
    EmbeddedTorus(2.0, 0.7),
    Euclidean(3),
]
CLOSED = [m for m in SPACES if m.is_compact]
KNOWN = [m for m in CLOSED if m.has_exact_kernel]
GEODESIC = [m for m in SPACES if not isinstance(m, EmbeddedTorus | Interval)]
DTYPES = [tf.float32, tf.float64]


def points(manifold, num, seed, dtype=tf.float64):
    x = tf.random.stateless_normal([num, manifold.ambient_dim], (seed, 5), dtype=dtype)
    return manifold.project(x)


def tangents(manifold, at, seed, scale=0.3):
    noise = tf.random.stateless_normal(tf.shape(at), (seed, 6), dtype=at.dtype)
    return scale * manifold.to_tangent(at, noise)


def test_every_public_manifold_is_here():
    public = {getattr(manifolds, name) for name in manifolds.__all__} - {manifolds.Manifold}
    assert public == {type(m) for m in SPACES}
    assert all(inspect.isclass(kind) for kind in public)


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("manifold", SPACES, ids=repr)
def test_projection_is_idempotent_and_tangents_are_orthogonal_to_it(manifold, dtype):
    x = points(manifold, 50, 0, dtype)
    assert x.dtype == dtype
    tolerance = 200 * np.finfo(dtype.as_numpy_dtype).eps
    np.testing.assert_allclose(manifold.project(x), x, atol=tolerance)
    v = tangents(manifold, x, 1)
    np.testing.assert_allclose(manifold.to_tangent(x, v), v, atol=tolerance)
    # a curve along a tangent leaves the manifold at second order only
    h = 1e-3
    gap = tf.norm(manifold.project(x + h * v) - x - h * v, axis=-1)
    assert float(tf.reduce_max(gap)) < 5 * h**2 + tolerance


@pytest.mark.parametrize("manifold", SPACES, ids=repr)
def test_geodesics_stay_on_the_manifold_with_constant_speed(manifold):
    x = points(manifold, 50, 2)
    v = tangents(manifold, x, 3)
    end = manifold.exp(x, v)
    np.testing.assert_allclose(manifold.project(end), end, atol=1e-7)
    times = np.linspace(0, 1, 301)[:, None, None]
    steps = manifold.exp(x[None] + tf.zeros([301, 1, 1], x.dtype), v * times)
    length = tf.reduce_sum(tf.norm(steps[1:] - steps[:-1], axis=-1), axis=0)
    np.testing.assert_allclose(length, tf.norm(v, axis=-1), rtol=1e-4)
    # acceleration has no tangent part
    h = 1e-3
    bend = (manifold.exp(x, h * v) - 2 * x + manifold.exp(x, -h * v)) / h**2
    np.testing.assert_allclose(manifold.to_tangent(x, bend), np.zeros(bend.shape), atol=1e-4)


@pytest.mark.parametrize("manifold", GEODESIC, ids=repr)
def test_log_inverts_exp_and_measures_the_distance(manifold):
    x = points(manifold, 50, 4)
    v = tangents(manifold, x, 5, scale=0.2)
    y = manifold.exp(x, v)
    np.testing.assert_allclose(manifold.log(x, y), v, atol=1e-9)
    np.testing.assert_allclose(manifold.dist(x, y), tf.norm(v, axis=-1), atol=1e-9)
    z = points(manifold, 50, 6)
    slack = manifold.dist(x, y) + manifold.dist(y, z) - manifold.dist(x, z)
    assert float(tf.reduce_min(slack)) > -1e-12


@pytest.mark.parametrize("manifold", CLOSED, ids=repr)
def test_uniform_points_average_to_the_volume(manifold):
    """The centroid of every closed manifold here is the origin; 6 standard errors."""
    x = manifold.random_uniform([40000], (0, 7), tf.float64)
    np.testing.assert_allclose(manifold.project(x), x, atol=1e-12)
    error = tf.math.reduce_std(x, 0) / 200
    assert np.all(np.abs(tf.reduce_mean(x, 0)) < 6 * error)


def test_uniform_points_of_the_embedded_torus_is_by_area():
    """E cos v = a / (2 c) by area, 0 by angle; standard error 0.0016."""
    torus = EmbeddedTorus(2.0, 1.0)
    x = torus.random_uniform([200000], (0, 8), tf.float64).numpy()
    cosine = np.hypot(x[:, 0], x[:, 1]) - 2.0
    assert cosine.mean() == pytest.approx(0.25, abs=0.008)


@pytest.mark.parametrize("manifold", KNOWN, ids=repr)
def test_kernel_is_symmetric_and_solves_the_heat_equation(manifold):
    """d p / dt = Laplacian p / 2, by differences along an orthonormal frame of geodesics."""
    x, y = points(manifold, 20, 10), points(manifold, 20, 11)
    for time in (0.5, 0.06):
        if time < 0.1:  # near enough for the density to be more than rounding
            y = manifold.exp(x, tangents(manifold, x, 12, scale=0.15))
        log_t = tf.fill([20], tf.constant(math.log(time), tf.float64))
        p = tf.exp(manifold.log_heat_kernel(x, y, log_t))
        np.testing.assert_allclose(p, tf.exp(manifold.log_heat_kernel(y, x, log_t)), rtol=1e-9)
        h = 2e-3
        later, sooner = (
            tf.exp(manifold.log_heat_kernel(x, y, log_t + math.log1p(s))) for s in (h, -h)
        )
        rate = (later - sooner) / (2 * h * time)
        eye = np.eye(manifold.ambient_dim)
        basis = tf.stack([manifold.to_tangent(y, eye[i] + 0 * y) for i in range(len(eye))], 1)
        frame = tf.linalg.svd(basis)[2][..., : manifold.dim]
        laplacian = 0.0
        for i in range(manifold.dim):
            e = frame[..., i] * h
            sides = [
                tf.exp(manifold.log_heat_kernel(x, manifold.exp(y, s * e), log_t)) for s in (1, -1)
            ]
            laplacian += (sides[0] + sides[1] - 2 * p) / h**2
        scale = float(tf.reduce_max(tf.abs(rate)))
        np.testing.assert_allclose(rate, laplacian / 2, atol=2e-3 * scale)


@pytest.mark.parametrize("manifold", KNOWN, ids=repr)
def test_exact_samples_carry_the_exact_kl(manifold):
    """Mean of log density ratio = KL (entropy); 6 standard errors of 20,000 samples."""
    loc = points(manifold, 1, 13, tf.float32)
    for time in (0.02, 0.3):
        log_t = tf.constant(math.log(time))
        z = manifold.sample_heat(tf.repeat(loc, 20000, 0), tf.fill([20000], log_t), (3, 4))
        np.testing.assert_allclose(manifold.project(z), z, atol=2e-6)
        gain = manifold.log_heat_kernel(loc, z, log_t[None]) + manifold.log_volume
        error = float(tf.math.reduce_std(gain)) / math.sqrt(20000)
        each = manifold.kl_by_factor(loc, tf.fill([1, manifold.num_factors], log_t))
        expected = float(tf.reduce_sum(each))
        assert float(tf.reduce_mean(gain)) == pytest.approx(expected, abs=6 * error)


@pytest.mark.parametrize("manifold", CLOSED, ids=repr)
def test_short_walks_agree_with_normal_steps(manifold):
    """Both walks move by their printed variance: d t, and d L t^2; 6 standard errors."""
    loc = tf.repeat(points(manifold, 1, 14, tf.float64), 20000, 0)
    t = 1e-3
    log_t = tf.fill([20000], tf.constant(math.log(t), tf.float64))
    for step, variance in (("random_walk", t), ("algorithm1", 5 * t**2)):
        z = manifold.sample_walk(loc, log_t, 5, (5, 6), step=step)
        np.testing.assert_allclose(manifold.project(z), z, atol=1e-12)
        square = tf.reduce_sum((z - loc) ** 2, -1) / (manifold.dim * variance)
        tolerance = 6 * math.sqrt(2 / manifold.dim / 20000) + 6 * manifold.dim * variance
        assert float(tf.reduce_mean(square)) == pytest.approx(1.0, abs=tolerance)


@pytest.mark.parametrize("manifold", KNOWN, ids=repr)
@pytest.mark.parametrize("nats", [0.1, 2.0, 6.0])
def test_the_time_at_a_given_information_has_it(manifold, nats):
    kl = float(manifold.kl_exact(tf.constant(manifold.log_time_at(nats), tf.float64)))
    assert kl == pytest.approx(nats, rel=1e-9)


@pytest.mark.parametrize("manifold", SPACES, ids=repr)
def test_configurations_rebuild(manifold):
    saved = keras.saving.serialize_keras_object(manifold)
    again = keras.saving.deserialize_keras_object(saved)
    assert again == manifold and hash(again) == hash(manifold) and again is not manifold
    assert (again.dim, again.log_volume) == (manifold.dim, manifold.log_volume)


@pytest.mark.parametrize("manifold", SPACES, ids=repr)
def test_embeddings_have_their_size(manifold):
    assert manifold.embed(points(manifold, 4, 15)).shape == (4, manifold.embedding_dim)


@pytest.mark.parametrize("manifold", [RealProjective(1), RealProjective(4), SO3()], ids=repr)
def test_quotients_do_not_see_the_sign_and_see_all_else(manifold):
    x = points(manifold, 30, 16)
    np.testing.assert_array_equal(manifold.embed(x), manifold.embed(-x))
    np.testing.assert_allclose(manifold.dist(x, -x), np.zeros(30), atol=1e-12)
    far = manifold.exp(x, tangents(manifold, x, 17))
    gap = tf.norm(manifold.embed(far) - manifold.embed(x), axis=-1)
    assert float(tf.reduce_min(gap / manifold.dist(x, far))) > 0.5


def test_the_interval_is_the_circle_folded():
    x, y = points(Interval(), 30, 16), points(Interval(), 30, 17)
    mirrored = x * np.array([1.0, -1.0])
    np.testing.assert_array_equal(Interval().embed(mirrored), Interval().embed(x))
    apart = np.abs(Interval().embed(x) - Interval().embed(y))[:, 0]
    np.testing.assert_allclose(Interval().dist(x, y), apart, atol=1e-12)
    np.testing.assert_allclose(Interval().dist(mirrored, y), apart, atol=1e-12)
    length = tf.norm(Interval().log(x, y), axis=-1)
    np.testing.assert_allclose(length, apart, atol=1e-12)


@pytest.mark.parametrize("time", [1e-3, 0.03, 0.3, 1.0, 4.0])
def test_kl_on_the_interval_from_each_starting_point(time):
    """Reflected Brownian motion by its own series, 1 + 2 sum exp(-n^2 t/2) cos nx cos ny."""
    starts = np.array([0.0, 0.02, 0.5, np.pi / 2, 2.9, np.pi])
    y = (np.arange(100_000) + 0.5) * np.pi / 100_000
    n = np.arange(1, int(9 / math.sqrt(time)) + 2)
    waves = np.cos(np.outer(n, y))
    loc = tf.constant(np.stack([np.cos(starts), np.sin(starts)], -1))
    log_t = tf.fill([len(starts), 1], tf.constant(math.log(time), tf.float64))
    got = Interval().kl_by_factor(loc, log_t)[:, 0]
    for i, start in enumerate(starts):
        p = 1 + 2 * (np.exp(-(n**2) * time / 2) * np.cos(n * start)) @ waves
        p = np.maximum(p, 1e-300)
        assert float(got[i]) == pytest.approx(np.mean(p * np.log(p)), rel=1e-6, abs=1e-9)


def test_rotation_matrices_are_rotations_by_twice_the_angle():
    x = points(SO3(), 30, 18)
    matrix = tf.reshape(SO3().embed(x), [-1, 3, 3]).numpy()
    np.testing.assert_allclose(matrix @ np.swapaxes(matrix, 1, 2), [np.eye(3)] * 30, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(matrix), np.ones(30))
    alpha = 0.4
    spin = SO3().embed(tf.constant([np.cos(alpha / 2), 0, 0, np.sin(alpha / 2)], tf.float64))
    cosine, sine = np.cos(alpha), np.sin(alpha)
    expected = [cosine, -sine, 0, sine, cosine, 0, 0, 0, 1]
    np.testing.assert_allclose(spin, expected, atol=1e-12)


def test_torus_and_product_of_circles_are_one():
    torus, product = FlatTorus(3), Product([Hypersphere(1)] * 3)
    x, y = points(torus, 9, 19), points(torus, 9, 20)
    log_t = tf.linspace(tf.constant(-6.0, tf.float64), 2.0, 9)
    for method in ("kl_exact", "kl_asymptotic"):
        np.testing.assert_allclose(
            getattr(torus, method)(log_t), getattr(product, method)(log_t), rtol=1e-12
        )
    np.testing.assert_allclose(
        torus.log_heat_kernel(x, y, log_t), product.log_heat_kernel(x, y, log_t), rtol=1e-9
    )
    np.testing.assert_allclose(torus.dist(x, y), product.dist(x, y), rtol=1e-12)


def test_volumes():
    assert EmbeddedTorus(3.0, 1.0).log_volume == pytest.approx(math.log(12 * math.pi**2))
    assert Hypersphere(2).log_volume == pytest.approx(math.log(4 * math.pi))
    assert SO3().log_volume == pytest.approx(math.log(math.pi**2))
    assert FlatTorus(2).log_volume == pytest.approx(2 * math.log(2 * math.pi))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Hypersphere(0),
        lambda: Hypersphere(2.5),
        lambda: FlatTorus(-1),
        lambda: RealProjective(0),
        lambda: Euclidean(0),
        lambda: Product([]),
        lambda: Product([3]),
        lambda: EmbeddedTorus(1.0, 2.0),
        lambda: Euclidean(2).random_uniform([1], (0, 0)),
        lambda: EmbeddedTorus().kl_exact(tf.zeros([1])),
        lambda: EmbeddedTorus().dist(tf.zeros([1, 3]), tf.zeros([1, 3])),
    ],
)
def test_impossible_requests_say_what_was_expected(make):
    with pytest.raises(UserError, match=r"; expected .*; received "):
        make()
