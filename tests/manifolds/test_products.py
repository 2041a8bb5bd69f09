"""A diffusion time per factor: KL, density, samplers and walks of mixed products."""

import json
import math
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from deltavae.distributions import Diffusion, Uniform
from deltavae.errors import UserError
from deltavae.manifolds import (
    SO3,
    EmbeddedTorus,
    Euclidean,
    FlatTorus,
    Hypersphere,
    Product,
    RealProjective,
)
from tests.manifolds.angle_distribution import angle_distribution

VALUES = json.loads(pathlib.Path(__file__).with_name("heat_kernel.json").read_text())["values"]
MIXED = Product([Hypersphere(1), Hypersphere(1), Hypersphere(2), Hypersphere(10), Hypersphere(1)])
TIMES = [0.003, 0.3, 0.03, 0.1, 1.0]
NUM = 100_000


def angles(points, loc):
    """Angles (NUM, 5) between the factors' parts of points and of loc."""
    return np.stack(
        [
            factor.dist(a, b).numpy()
            for factor, a, b in zip(
                MIXED.factors,
                *(tf.split(x, [f.ambient_dim for f in MIXED.factors], -1) for x in (points, loc)),
                strict=True,
            )
        ],
        axis=-1,
    )


def test_kl_of_each_factor_at_mixed_times_is_the_reference_value():
    """Every reference value of the spheres at once, each a factor with a time of its own."""
    space = Product([Hypersphere(row["d"]) for row in VALUES])
    loc = space.random_uniform([3], (0, 1), tf.float64)
    log_t = tf.constant([[math.log(row["t"]) for row in VALUES]] * 3, tf.float64)
    q = Diffusion(space, loc, log_diffusion_time=log_t, times="per_factor")
    expected = np.array([row["kl"] for row in VALUES])
    np.testing.assert_allclose(q.kl_per_factor(), [expected] * 3, rtol=1e-6, atol=1e-14)
    total = q.kl_divergence(Uniform(space, tf.float64))
    np.testing.assert_allclose(total, [expected.sum()] * 3, rtol=1e-9)


def test_samples_have_each_factors_exact_distribution():
    """Kolmogorov-Smirnov at 10^5 samples; one false alarm in 1,000 runs of the five factors.

    The same samples at the times of the neighbouring factors, a sampler that mixes the times up,
    must be seen.
    """
    critical = math.sqrt(-math.log(0.001 / 5 / 2) / 2 / NUM)
    loc = tf.repeat(MIXED.random_uniform([1], (0, 2), tf.float64), NUM, 0)
    log_t = tf.math.log(tf.constant(TIMES, tf.float64))
    q = Diffusion(MIXED, loc, log_diffusion_time=log_t, times="per_factor")
    found = angles(q.sample(seed=(3, 4)), loc)

    def distance(column, dim, time):
        theta, _, cdf = angle_distribution(dim, time)
        values = np.interp(np.sort(found[:, column]), theta, cdf)
        steps = np.arange(NUM + 1) / NUM
        return max(np.max(values - steps[:-1]), np.max(steps[1:] - values))

    for column, (factor, time) in enumerate(zip(MIXED.factors, TIMES, strict=True)):
        assert distance(column, factor.dim, time) < critical, column
        assert distance(column, factor.dim, TIMES[column - 1]) > critical, column
    # the factors are independent: correlations within 6 standard errors of 0
    correlations = np.corrcoef(np.cos(found).T)[np.triu_indices(5, 1)]
    assert np.max(np.abs(correlations)) < 6 / math.sqrt(NUM)


@pytest.mark.parametrize("step", ["random_walk", "algorithm1"])
def test_walks_move_each_factor_by_its_own_time(step):
    """E |z - loc|^2 = d t, or d L t^2, per factor for short times; 6 standard errors."""
    times = np.array([1e-4, 4e-4, 2e-4, 1e-3, 8e-4])
    loc = tf.repeat(MIXED.random_uniform([1], (0, 2), tf.float64), 20000, 0)
    log_t = tf.math.log(tf.constant(times, tf.float64))
    q = Diffusion(MIXED, loc, log_diffusion_time=log_t, times="per_factor", mode=step)
    square = angles(q.sample(seed=(5, 6)), loc) ** 2
    dims = np.array([factor.dim for factor in MIXED.factors])
    variance = dims * (times if step == "random_walk" else 5 * times**2)
    for column in range(5):
        error = square[:, column].std() / math.sqrt(20000) + 2 * variance[column] ** 2
        assert square[:, column].mean() == pytest.approx(variance[column], abs=6 * error)


def test_density_is_the_product_of_the_factors_and_gives_the_kl():
    loc = MIXED.random_uniform([7], (0, 7), tf.float64)
    log_t = tf.math.log(tf.constant(TIMES, tf.float64))
    q = Diffusion(MIXED, loc, log_diffusion_time=log_t, times="per_factor")
    z = q.sample(seed=(8, 9))
    widths = [f.ambient_dim for f in MIXED.factors]
    parts = zip(MIXED.factors, tf.split(loc, widths, -1), tf.split(z, widths, -1), strict=True)
    expected = sum(f.log_heat_kernel(a, b, log_t[i]) for i, (f, a, b) in enumerate(parts))
    np.testing.assert_allclose(q.log_prob(z), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "space",
    [FlatTorus(3), Product([Hypersphere(2), SO3(), RealProjective(2)]), Hypersphere(4)],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=["float32", "float64"])
def test_equal_times_are_one_shared_time(space, dtype):
    loc = space.random_uniform([6], (0, 1), dtype)
    log_t = tf.linspace(tf.constant(-5.0, dtype), 1.0, 6)
    shared = Diffusion(space, loc, log_diffusion_time=log_t)
    each = Diffusion(
        space,
        loc,
        log_diffusion_time=tf.repeat(log_t[:, None], space.num_factors, 1),
        times="per_factor",
    )
    assert each.batch_shape == shared.batch_shape == (6,)
    z = shared.sample(seed=(1, 2))
    np.testing.assert_array_equal(each.sample(seed=(1, 2)), z)
    np.testing.assert_array_equal(each.log_prob(z), shared.log_prob(z))
    np.testing.assert_array_equal(each.kl_per_factor(), shared.kl_per_factor())
    whole = space.kl_exact(log_t)
    np.testing.assert_allclose(tf.reduce_sum(each.kl_per_factor(), -1), whole, rtol=1e-5)


def test_nested_products_and_flat_spaces_are_taken_apart():
    space = Product([FlatTorus(2), Product([Hypersphere(2)]), Euclidean(3)])
    circle, line = Hypersphere(1), Euclidean(1)
    assert space.factors == (circle, circle, Hypersphere(2), line, line, line)
    assert space == Product([circle, circle, Hypersphere(2), Euclidean(3)])
    assert space.dim == 7 and space.ambient_dim == 10


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Product([]), "no factors"),
        (lambda: Product(Hypersphere(1)), "no factors"),
        (lambda: Product([Hypersphere(1), "circle"]), "no manifold.*received 'circle'"),
        (lambda: diffusion([0.1, 0.2], "per_factor"), r"last axis of 3; received shape \(2,\)"),
        (lambda: diffusion(0.1, "per_factor"), r"last axis of 3; received shape \(\)"),
        (lambda: diffusion(0.1, "each"), "one of shared, per_factor; received 'each'"),
        (lambda: Diffusion(Product([EmbeddedTorus()]), [[3.0, 0.0, 0.0]], 0.1), "not known"),
    ],
)
def test_impossible_products_say_what_was_expected(make, message):
    with pytest.raises(UserError, match=message):
        make()


def diffusion(time, times):
    return Diffusion(FlatTorus(3), tf.constant([[1.0, 0.0] * 3]), time, times=times)
