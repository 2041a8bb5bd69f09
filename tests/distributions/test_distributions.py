"""Shapes, refusals and moments of the distributions on manifolds."""

import math

import mpmath
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions import Diffusion, PowerSpherical, Uniform, VonMisesFisher
from deltavae.distributions.sampled_kl import sampled_kl
from deltavae.errors import UserError
from deltavae.manifolds import EmbeddedTorus, Euclidean, Hypersphere, Product
from tools.kl_table import table

DTYPES = [tf.float32, tf.float64]
NORTH = [[1.0, 0.0, 0.0]]


def north(dim, dtype=tf.float32):
    return tf.one_hot([0], dim + 1, dtype=dtype)


def distributions(dtype):
    m = Hypersphere(2)
    loc = tf.cast(m.random_uniform([5, 1], (0, 1)), dtype)
    scale = tf.constant([0.1, 0.2, 0.5], dtype)
    return [
        Diffusion(m, loc, scale),
        Diffusion(m, loc, scale, mode="random_walk", kl="asymptotic"),
        Diffusion(m, loc, scale, mode="algorithm1"),
        VonMisesFisher(loc, 1 / scale),
        PowerSpherical(loc, 1 / scale),
    ]


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
def test_shapes_and_dtypes_eager_and_in_a_graph(which, dtype):
    q = distributions(dtype)[which]
    assert q.batch_shape == (5, 3) and q.event_shape == (3,) and q.dtype == dtype
    uniform = Uniform(Hypersphere(2), dtype)

    def everything():
        z = q.sample(7, seed=(1, 2))
        return z, q.log_prob(z), q.kl_divergence(uniform), uniform.log_prob(z)

    for z, log_prob, kl, flat in (everything(), tf.function(everything)()):
        assert z.shape == (7, 5, 3, 3) and log_prob.shape == (7, 5, 3) and kl.shape == (5, 3)
        assert flat.shape == (7, 5, 3) and {x.dtype for x in (z, log_prob, kl, flat)} == {dtype}
        np.testing.assert_allclose(tf.norm(z, axis=-1), np.ones((7, 5, 3)), atol=1e-6)
    np.testing.assert_allclose(everything()[0], tf.function(everything)()[0], atol=1e-5)
    assert np.all(q.sample(seed=(1, 2)) == q.sample(seed=(1, 2)))


@pytest.mark.parametrize("which", range(5))
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
@pytest.mark.parametrize("bad", ["loc", "scale"])
def test_nan_comes_out_as_nan_and_stays_in_its_row(which, dtype, bad):
    """In a KL only where it enters: no KL here depends on loc."""
    q = distributions(dtype)[which]
    names = {"loc": "loc", "scale": "diffusion_time" if which < 3 else "concentration"}
    value = tf.broadcast_to(getattr(q, names[bad]), [5, 3, 3] if bad == "loc" else [5, 3])
    value = tf.concat([value[:1] * math.nan, value[1:]], 0)
    q = q.copy(**{names[bad]: value})
    good = tf.cast(Hypersphere(2).random_uniform([5, 3], (0, 9)), dtype)

    def everything():
        z = q.sample(seed=(1, 2))
        return z, q.log_prob(good), q.kl_divergence(Uniform(Hypersphere(2), dtype))

    for z, log_prob, kl in (everything(), tf.function(everything)()):
        for result in (z, log_prob, kl) if bad == "scale" else (z, log_prob):
            assert np.all(np.isnan(result[0])) and np.all(np.isfinite(result[1:]))
        assert np.all(np.isfinite(kl[1:]))


@pytest.mark.parametrize("family", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("dim", [1, 2, 10, 50])
def test_samples_their_gradient_and_the_density_agree(family, dim):
    """Mean cosine, its slope in kappa, and KL: 6 standard errors of 20,000 samples."""
    num, m = 20000, Hypersphere(dim)
    for kappa in (0.5, 20.0, 2000.0):
        k = tf.fill([num], kappa)
        loc = tf.repeat(north(dim), num, 0)
        with tf.GradientTape() as tape:
            tape.watch(k)
            z = family(loc, k).sample(seed=(3, 4))
            # 1 - cos without cancellation
            gap = tf.reduce_sum((z - loc) ** 2, -1) / 2
        slope = tape.gradient(gap, k)
        q = family(north(dim, tf.float64), tf.constant([kappa], tf.float64))
        h = 1e-4 * kappa
        rise = family(north(dim, tf.float64), [kappa + h]).mean()[:, 0]
        fall = family(north(dim, tf.float64), [kappa - h]).mean()[:, 0]
        for value, expected in (
            (gap, 1 - q.mean()[0, 0]),
            (slope, -(rise - fall)[0] / (2 * h)),
            (
                q.log_prob(tf.cast(z, tf.float64)),
                q.kl_divergence(Uniform(m))[0] - m.log_volume,
            ),
        ):
            error = float(tf.math.reduce_std(value)) / math.sqrt(num)
            mean = float(tf.reduce_mean(tf.cast(value, tf.float64)))
            assert mean == pytest.approx(float(expected), abs=6 * error + 1e-9)


@pytest.mark.parametrize(("dim", "kappa"), [(1, 3.0), (2, 0.1), (10, 50.0), (50, 1e4), (50, 0.3)])
def test_von_mises_fisher_against_bessel_functions(dim, kappa):
    """Mean resultant I_{p/2} / I_{p/2-1} and normaliser, in 40 digits."""
    q = VonMisesFisher(north(dim, tf.float64), tf.constant([kappa], tf.float64))
    with mpmath.workdps(40):
        half = mpmath.mpf(dim + 1) / 2
        low, high = mpmath.besseli(half - 1, kappa), mpmath.besseli(half, kappa)
        cosine = high / low
        log_c = (half - 1) * mpmath.log(kappa) - half * mpmath.log(2 * mpmath.pi)
        log_c -= mpmath.log(low)
        kl = kappa * cosine + log_c + Hypersphere(dim).log_volume
    assert float(q.mean()[0, 0]) == pytest.approx(float(cosine), rel=1e-10)
    kl_here = q.kl_divergence(Uniform(Hypersphere(dim), tf.float64))
    assert float(kl_here[0]) == pytest.approx(float(kl), rel=1e-8)
    at_loc = q.log_prob(north(dim, tf.float64))
    assert float(at_loc[0]) == pytest.approx(float(log_c + kappa), rel=1e-10)


@pytest.mark.parametrize("kappa", [1e3, 9e6, 1.1e7, 1e12, 1e15, 1e16, 1e20, 1e38])
@pytest.mark.parametrize("dim", [1, 2, 10, 200])
def test_power_spherical_against_gamma_functions_in_60_digits(dim, kappa):
    """KL, its slope in log kappa, and log density at loc; kappa and its differences cancel."""
    q = PowerSpherical(north(dim, tf.float64), log_concentration=[math.log(kappa)])
    kappa = float(q.concentration[0])
    with mpmath.workdps(60):
        half = mpmath.mpf(dim) / 2

        def exact_kl(kappa):
            alpha = kappa + half
            # E log((1 + cos) / 2) of Beta(alpha, half), and the log density where cos is 1
            mean_log = mpmath.digamma(alpha) - mpmath.digamma(alpha + half)
            at_loc = mpmath.loggamma(alpha + half) - mpmath.loggamma(alpha)
            at_loc -= half * mpmath.log(4 * mpmath.pi)
            log_volume = mpmath.log(2) + (half + 0.5) * mpmath.log(mpmath.pi)
            log_volume -= mpmath.loggamma(half + 0.5)
            return kappa * mean_log + at_loc + log_volume, at_loc

        kl, at_loc = map(float, exact_kl(mpmath.mpf(kappa)))
        # d KL / d log kappa; the derivatives of mean_log and at_loc cancel
        alpha = kappa + half
        slope = mpmath.psi(1, alpha) - mpmath.psi(1, alpha + half)
        slope = float(mpmath.mpf(kappa) ** 2 * slope)
    log_kappa = tf.constant([math.log(kappa)], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(log_kappa)
        q = PowerSpherical(north(dim, tf.float64), log_concentration=log_kappa)
        found = q.kl_divergence(Uniform(Hypersphere(dim), tf.float64))
    assert float(found[0]) == pytest.approx(kl, rel=1e-9, abs=1e-7)
    assert float(tape.gradient(found, log_kappa)[0]) == pytest.approx(slope, rel=1e-7)
    assert float(q.log_prob(q.loc)[0]) == pytest.approx(at_loc, rel=1e-9, abs=1e-7)


@pytest.mark.parametrize(("family", "scale"), [(VonMisesFisher, 1), (PowerSpherical, 2)])
@pytest.mark.parametrize("dim", [1, 2, 10])
def test_samples_of_large_concentrations(family, scale, dim):
    """kappa (1 - cos) / scale tends to Gamma(d / 2, 1): mean, 6 standard errors."""
    for kappa in (1e12, 1e17, 1e40):
        q = family(north(dim, tf.float64), tf.constant([kappa], tf.float64))
        gap = tf.reduce_sum(q.sample(20000, seed=(5, 6))[..., 1:] ** 2, -1) / 2
        mean = float(tf.reduce_mean(kappa * gap / scale))
        assert mean == pytest.approx(dim / 2, abs=6 * math.sqrt(dim / 2 / 20000))


@pytest.mark.parametrize("family", [VonMisesFisher, PowerSpherical])
@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
def test_the_largest_concentrations_are_the_point_mass(family, dtype):
    """Of an infinite one too: draws and mean are loc, the KL is infinite."""
    for dim in (1, 2, 10):
        loc = tf.cast(Hypersphere(dim).random_uniform([3], (0, 1)), dtype)
        for kappa in (dtype.max, math.inf):
            q = family(loc, tf.fill([3], tf.constant(kappa, dtype)))
            z = q.sample(1000, seed=(1, 2))
            np.testing.assert_allclose(z, tf.broadcast_to(loc, z.shape), atol=1e-7)
            np.testing.assert_allclose(q.mean(), loc, atol=1e-7)
        assert np.all(q.kl_divergence(Uniform(Hypersphere(dim), dtype)) == math.inf)


def test_power_spherical_integrates_to_one():
    theta = np.linspace(0, np.pi, 20001)
    z = tf.constant(np.stack([np.cos(theta), np.sin(theta), 0 * theta], -1))
    density = tf.exp(PowerSpherical(tf.constant(NORTH, tf.float64), [3.0]).log_prob(z)).numpy()
    assert np.trapezoid(2 * np.pi * np.sin(theta) * density, theta) == pytest.approx(1, abs=1e-7)


def test_moments_of_the_diffusion():
    """E cos = exp(-d t / 2), E cos^2 = (1 + d exp(-(d + 1) t)) / (d + 1); 6 standard errors."""
    z = Diffusion(Hypersphere(10), north(10, tf.float64), 0.3).sample(40000, seed=(8, 9))
    cosine = z[:, 0, 0].numpy()
    square = (1 + 10 * math.exp(-3.3)) / 11
    for value, expected in ((cosine, math.exp(-1.5)), (cosine**2, square)):
        assert value.mean() == pytest.approx(expected, abs=6 * value.std() / 200)


def test_the_published_step_carries_twice_the_information():
    """Measured in the publication's setting: 32.9 nats on S^10 where equation (3) says 15."""
    at_15 = 0.0054783
    assert sampled_kl(10, at_15, "algorithm1", 20000) == pytest.approx(32.9, abs=0.15)
    assert sampled_kl(10, at_15, "random_walk", 20000) == pytest.approx(15.02, abs=0.1)
    assert sampled_kl(20, 0.0130841, "random_walk", 20000) == pytest.approx(15.19, abs=0.15)
    assert sampled_kl(10, at_15, "exact", 20000) == pytest.approx(15.0, abs=0.1)


def test_the_report_has_a_row_per_time():
    assert table(3, 1000, times=(0.01, 0.1)).row_count == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1, mode="fast"),
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1, kl="none"),
        lambda: Diffusion(Hypersphere(2), NORTH),
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1, log_diffusion_time=0.1),
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1, num_steps=0),
        lambda: Diffusion(Hypersphere(3), NORTH, 0.1),
        lambda: Diffusion(Hypersphere(2), [[1.0, 1.0, 0.0]], 0.1, validate_args=True),
        lambda: Diffusion(Hypersphere(2), NORTH, -0.1, validate_args=True),
        lambda: Diffusion(EmbeddedTorus(), [[3.0, 0.0, 0.0]], 0.1),
        lambda: Uniform(Euclidean(2)),
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1).kl_divergence(Uniform(Hypersphere(3))),
        lambda: Diffusion(Hypersphere(2), NORTH, 0.1).kl_divergence(
            Uniform(Product([Hypersphere(2)]))
        ),
        lambda: VonMisesFisher(NORTH, 1.0).kl_divergence(Uniform(Hypersphere(3))),
        lambda: VonMisesFisher(NORTH),
        lambda: VonMisesFisher(tf.zeros([1, 1000]), 1.0),
        lambda: VonMisesFisher(NORTH, -1.0, validate_args=True),
        lambda: PowerSpherical([[2.0, 0.0]], 1.0, validate_args=True),
    ],
)
def test_impossible_distributions_say_what_was_expected(make):
    with pytest.raises(UserError, match=r"; expected .*; received "):
        make()


def test_kl_is_registered_with_tfp():
    q = Diffusion(Hypersphere(2), north(2), 0.1)
    kl = tfp.distributions.kl_divergence(q, Uniform(Hypersphere(2)))
    assert float(kl[0]) == pytest.approx(2.04588, abs=1e-5)
