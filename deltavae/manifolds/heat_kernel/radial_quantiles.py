"""The radial quantile map, which turns a normal tangent vector into a sample of the heat kernel.

A normal tangent vector to S^d has a length rho that follows the chi distribution with d degrees
of freedom. The map carries it to theta = rho sqrt(t) exp(h(log t, rho)), monotone in rho, such
that theta is distributed as the angle under the heat kernel; the exponential map then gives an
exact sample. h is smooth and goes to 0 with t; a bicubic spline holds it. Differentiating
through it is implicit reparameterisation: d theta / dt at a fixed quantile.
"""

import functools
import math

import tensorflow as tf

from deltavae.manifolds.heat_kernel import tables
from deltavae.manifolds.heat_kernel.splines import BicubicSpline, resample

_KNOTS = (97, 41)


class RadialQuantileMap:
    """The map rho -> theta for S^d, d >= 2."""

    def __init__(self, dim: int) -> None:
        self.low, self.high = map(math.log, tables.time_range(dim))
        self.radius_max = tables.radius_max(dim)
        values = tables.load(dim)["log_angle_ratio"]
        values = resample(resample(values, _KNOTS[0], 0), _KNOTS[1], 1)
        self.spline = BicubicSpline((self.low, 0.0), (self.high, self.radius_max), values)

    def __call__(self, rho: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Map lengths rho of normal tangent vectors to angles; log_t broadcasts to rho's shape."""
        late = tf.minimum(log_t, self.high)
        inside = tf.broadcast_to(tf.maximum(late, self.low), tf.shape(rho))
        h = self.spline(inside, tf.minimum(rho, self.radius_max))
        # below the table h is proportional to t
        h *= tf.exp(tf.minimum(late - self.low, 0.0))
        return rho * tf.exp(late / 2 + h)


@functools.cache
def radial_quantile_map(dim: int) -> RadialQuantileMap:
    """Share one map per dimension: tables are read once."""
    return RadialQuantileMap(dim)
