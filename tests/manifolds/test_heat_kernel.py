"""KL and log density on S^d against values computed in high precision, and theorems."""

import json
import math
import pathlib

import mpmath
import numpy as np
import pytest
import tensorflow as tf

from deltavae.manifolds import Hypersphere, RealProjective
from deltavae.manifolds.heat_kernel.density import crossing_time
from tests.manifolds.angle_distribution import angle_distribution

VALUES = json.loads(pathlib.Path(__file__).with_name("heat_kernel.json").read_text())["values"]
DIMS = [1, 2, 3, 10, 20, 50, 200]


def value_and_slope(function, log_t):
    with tf.GradientTape() as tape:
        tape.watch(log_t)
        value = function(log_t)
    return value, tape.gradient(value, log_t)


def mpmath_density(dim, t, theta):
    """p Vol at each angle, by the series in 90 digits, its terms by mpmath's Gegenbauer."""
    with mpmath.workdps(90):
        t, half, values = mpmath.mpf(t), mpmath.mpf(dim - 1) / 2, []
        for angle in theta:
            x = mpmath.cos(mpmath.mpf(float(angle)))
            before, now, total, degree, weight = mpmath.mpf(0), mpmath.mpf(1), mpmath.mpf(0), 0, 1
            while degree < 10 or weight * mpmath.mpf(10) ** 60 > 1:
                # N_l R_l(x) = (2l + d - 1) / (d - 1) C_l^((d-1)/2)(x)
                weight = mpmath.exp(-degree * (degree + dim - 1) * t / 2)
                total += weight * (2 * degree + dim - 1) / (dim - 1) * now
                weight *= mpmath.binomial(degree + dim, dim)
                before, now = (
                    now,
                    (2 * (degree + half) * x * now - (degree + 2 * half - 1) * before)
                    / (degree + 1),
                )
                degree += 1
            values.append(total)
        return values


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=["float32", "float64"])
def test_kl_and_its_slope(dtype):
    tolerance = 1e-5 if dtype == tf.float32 else 1e-9
    for row in VALUES:
        log_t = tf.constant(math.log(row["t"]), dtype)
        kl, slope = value_and_slope(Hypersphere(row["d"]).kl_exact, log_t)
        scale = max(1.0, row["kl"])
        assert float(kl) == pytest.approx(row["kl"], abs=tolerance * scale)
        assert float(slope) == pytest.approx(row["dkl_dlogt"], abs=1e-4 * scale)


@pytest.mark.parametrize(
    ("dim", "t"), [(50, 0.004), (50, 0.05), (40, 0.02), (117, 0.01), (150, 0.02), (200, 0.002)]
)
def test_kl_beyond_the_stored_values(dim, t):
    top = min(math.pi, math.sqrt(t) * (math.sqrt(dim) + 7))
    nodes, weights = np.polynomial.legendre.leggauss(60)
    theta = top * (nodes + 1) / 2
    p = mpmath_density(dim, t, theta)
    log_c = math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2) - math.log(math.pi) / 2
    terms = [
        float(mpmath.exp(log_c) * mpmath.sin(a) ** (dim - 1) * q * mpmath.log(q))
        for a, q in zip(theta, p, strict=True)
    ]
    expected = float(np.dot(weights, terms)) * top / 2
    got = float(Hypersphere(dim).kl_exact(tf.constant(math.log(t), tf.float64)))
    assert got == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("make", [Hypersphere, RealProjective])
@pytest.mark.parametrize("dim", DIMS)
def test_kl_decreases_to_zero_and_never_below(make, dim):
    log_t = tf.linspace(-12.0, 6.0, 4000)
    kl = make(dim).kl_exact(log_t).numpy()
    assert kl.dtype == np.float32
    assert np.all(kl >= 0) and kl[-1] == 0
    assert np.all(np.diff(kl) <= 0)
    assert np.all(np.diff(kl)[kl[1:] > 1e-37] < 0)


def test_circle_modulo_sign_is_a_circle_of_half_the_length():
    log_t = tf.linspace(tf.constant(-8.0, tf.float64), 1.0, 50)
    circle = Hypersphere(1).kl_exact(log_t + math.log(4))
    np.testing.assert_allclose(RealProjective(1).kl_exact(log_t), circle, rtol=1e-8)


def test_the_short_time_formula_is_the_published_one():
    """Equation (3), and its floor at t = 2 / (d - 1), by mpmath in 30 digits."""
    log_t = tf.math.log(tf.constant([1e-3, 0.1, 1.0], tf.float64))
    expected = [23.4032386479768878, 2.60488771803643098, 11.3419622530662026]
    np.testing.assert_allclose(Hypersphere(10).kl_asymptotic(log_t), expected, rtol=1e-12)
    for dim, expected in ((10, 1.36234923694757292), (20, 2.90633308454638017)):
        log_t = tf.constant(math.log(2 / (dim - 1)), tf.float64)
        floor, slope = value_and_slope(Hypersphere(dim).kl_asymptotic, log_t)
        assert float(floor) == pytest.approx(expected, rel=1e-12)
        assert float(slope) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=["float32", "float64"])
def test_log_density(dtype):
    """To four standard deviations of the angle, which hold all but 1e-4 of the probability."""
    for row in VALUES:
        inside = np.array(row["cdf"]) < 1 - 3e-5
        cosine = np.array(row["cosine"])[inside]
        x = np.zeros((len(cosine), row["d"] + 1))
        y = x.copy()
        x[:, 0], y[:, 0], y[:, 1] = 1, cosine, np.sqrt(1 - cosine**2)
        log_t = tf.constant(math.log(row["t"]), dtype)
        got = Hypersphere(row["d"]).log_heat_kernel(
            tf.constant(x, dtype), tf.constant(y, dtype), log_t
        )
        tolerance = 1e-9 if dtype == tf.float64 else 2e-5
        np.testing.assert_allclose(got, np.array(row["log_density"])[inside], atol=tolerance)


@pytest.mark.parametrize(("dim", "tolerance"), [(20, 1e-9), (50, 1e-6), (100, 1e-4), (200, 1e-3)])
def test_log_density_in_high_dimensions(dim, tolerance):
    """To four standard deviations of the cosine, worst where expansion and series meet."""
    crossing = crossing_time(dim)
    for t in (0.001, 0.2 * crossing, 0.999 * crossing, 1.001 * crossing, 2 * crossing):
        # E cos and E cos^2 under the heat kernel are known in closed form
        mean = math.exp(-dim * t / 2)
        deviation = math.sqrt((1 + dim * math.exp(-(dim + 1) * t)) / (dim + 1) - mean**2)
        cosine = np.clip(mean + deviation * np.linspace(-4, 4, 5), -1, 1)
        theta = np.arccos(cosine[cosine < 1])
        x = np.eye(2, dim + 1)[[0] * len(theta)]
        y = np.cos(theta)[:, None] * x + np.sin(theta)[:, None] * np.eye(2, dim + 1)[1]
        p = mpmath_density(dim, t, theta)
        expected = [float(mpmath.log(q)) - Hypersphere(dim).log_volume for q in p]
        for dtype, rounding in ((tf.float64, 0), (tf.float32, 2e-5)):
            got = Hypersphere(dim).log_heat_kernel(
                tf.constant(x, dtype), tf.constant(y, dtype), tf.constant(math.log(t), dtype)
            )
            np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance + rounding)


@pytest.mark.parametrize("dim", DIMS)
def test_log_density_integrates_to_one(dim):
    for t in (0.003, 0.03, 0.1, 0.3, 3.0):
        assert angle_distribution(dim, t)[2][-1] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64], ids=["float32", "float64"])
@pytest.mark.parametrize("dim", DIMS)
def test_every_gradient_is_finite(dim, dtype):
    manifold = Hypersphere(dim)
    poles = np.eye(dim + 1)[[0, dim]]
    ends = np.concatenate([poles, -poles])
    # every pole, with itself, its antipode and another pole, at every time
    loc = tf.constant(np.tile(ends, (3 * 26, 1)), dtype)
    other = tf.constant(np.tile(np.concatenate([ends, -ends, ends[::-1]]), (26, 1)), dtype)
    log_t = tf.constant(np.repeat(np.linspace(-30, 20, 26), 12), dtype)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([loc, other, log_t])
        values = {
            "sample": manifold.sample_heat(loc, log_t, (1, 2)),
            "kl": manifold.kl_exact(log_t),
            "density": manifold.log_heat_kernel(loc, other, log_t),
            "distance": manifold.dist(loc, other),
            "log": manifold.log(loc, other),
            "exp": manifold.exp(loc, 0 * other),
        }
    for name, value in values.items():
        assert np.all(np.isfinite(value)), name
        for gradient in tape.gradient(value, [loc, other, log_t]):
            assert gradient is None or np.all(np.isfinite(gradient)), name
