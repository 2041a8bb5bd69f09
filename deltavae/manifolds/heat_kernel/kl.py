"""KL divergence from the heat kernel to the uniform distribution, as a function of log t."""

import functools
import math

import tensorflow as tf

from deltavae.manifolds.heat_kernel import tables
from deltavae.manifolds.heat_kernel.splines import Spline, resample
from deltavae.manifolds.heat_kernel.volumes import sphere_log_volume

_KNOTS = 769
_LOG_TIME_LIMIT = 30.0  # exp(30) d is far beyond where the KL is 0 in any dtype


def short_time_kl(
    log_t: tf.Tensor, dim: int, log_volume: float, scalar_curvature: float
) -> tf.Tensor:
    """Equation (3): -(d/2) log(2 pi t) - d/2 + log Vol + Scal t / 4, in nats.

    The first two terms of the expansion for small t, on any closed manifold. It has a floor
    (at t = 2 / (d - 1) on S^d) and grows again beyond it, where the true KL goes to 0.
    """
    constant = -dim / 2 * (math.log(2 * math.pi) + 1) + log_volume
    linear = constant - dim / 2 * log_t
    if scalar_curvature == 0:
        return linear
    return linear + scalar_curvature / 4 * tf.exp(log_t)


class HeatKernelKL:
    """Exact KL(heat kernel || uniform) on S^d, or on S^d modulo sign, in nats.

    Below the table's range equation (3) with three more terms, in it a cubic spline of
    log KL in log t, above it the decay exp(-rate t) of the first eigenfunctions, rate being
    the first eigenvalue. Positive and decreasing wherever the dtype can tell.
    """

    def __init__(self, dim: int, projective: bool = False) -> None:
        self.dim = dim
        self.log_volume = sphere_log_volume(dim) - (math.log(2) if projective else 0.0)
        self.low, self.high = map(math.log, tables.time_range(dim, projective))
        self.rate = 2 * (dim + 1) if projective else dim
        name = "log_kl_projective" if projective else "log_kl"
        self.spline = Spline(self.low, self.high, resample(tables.load(dim)[name], _KNOTS))

    def __call__(self, log_t: tf.Tensor) -> tf.Tensor:
        """Evaluate at log t, same shape and dtype; gradients finite for every finite log t."""
        d = self.dim
        inside = tf.clip_by_value(log_t, self.low, self.high)
        table = tf.exp(self.spline(inside))
        late = tf.exp(tf.clip_by_value(log_t, self.high, _LOG_TIME_LIMIT)) - math.exp(self.high)
        table *= tf.exp(-self.rate * late)
        early = tf.minimum(log_t, self.low)
        t = tf.exp(early)
        constant = self.log_volume - d / 2 * (math.log(2 * math.pi) + 1)
        second = -d * (d - 1) * (3 * d - 7) / 144
        third = -d * (d - 1) * (2 * d - 5) / 324
        fourth = d * (d - 1) * (45 * d**3 - 215 * d**2 - 513 * d + 1979) / 259200
        powers = t * (d * (d - 1) / 4 + t * (second + t * (third + t * fourth)))
        series = constant - d / 2 * early + powers
        return tf.where(log_t < self.low, series, table)


@functools.cache
def heat_kernel_kl(dim: int, projective: bool = False) -> HeatKernelKL:
    """Share one `HeatKernelKL` per dimension: tables are read once."""
    return HeatKernelKL(dim, projective)
