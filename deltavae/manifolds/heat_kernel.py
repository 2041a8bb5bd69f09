"""The heat kernel on S^d in float32: KL to uniform and the exact sampler, from tables.

The tables hold values at Chebyshev points of log t (and of the radius), made from the
spectrum in exact arithmetic by `build_tables`.
"""

import functools
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.polynomial import chebyshev

from deltavae.errors import UserError
from deltavae.manifolds.build_tables import SHIPPED_DIMS, SHIPPED_FILE, radius_max, time_range

_KNOTS = 1024


@functools.cache
def _shipped(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _coefficients(values: np.ndarray) -> np.ndarray:
    """Chebyshev coefficients, along the first axis, of values at points of the second kind."""
    num = len(values)
    points = -np.cos(np.pi * np.arange(num) / (num - 1))
    return np.linalg.solve(chebyshev.chebvander(points, num - 1), values)


class SphereTables:
    """KL and sampler of one dimension, d in 1...50.

    Args:
        dim: d.
    """

    def __init__(self, dim: int) -> None:
        if dim not in SHIPPED_DIMS:
            raise UserError(
                "no table of the exact heat kernel for this sphere",
                expected=f"dim in 1...{SHIPPED_DIMS[-1]}",
                received=dim,
                advice="Take mode = 'random_walk' and kl = 'asymptotic'.",
            )
        tables = _shipped(SHIPPED_FILE)
        self.dim = dim
        self.low, self.high = np.log(time_range(dim))
        log_kl = chebyshev.Chebyshev(
            _coefficients(tables["log_kl"][dim - 1]), domain=[self.low, self.high]
        )
        knots = np.linspace(self.low, self.high, _KNOTS)
        self.knot_width = knots[1] - knots[0]
        # value and slope in units of the knots' distance, for a cubic Hermite spline
        self.log_kl = np.stack([log_kl(knots), log_kl.deriv()(knots) * self.knot_width], axis=1)
        by_time = _coefficients(tables["log_stretch"][dim - 1].astype(np.float64))
        self.stretch = _coefficients(by_time.T).T
        self.radius_max = radius_max(dim)

    def kl(self, log_t: tf.Tensor) -> tf.Tensor:
        """KL within the tables' times, continued by exp(-d t) above; not valid below."""
        inside = tf.clip_by_value(log_t, self.low, self.high)
        position = (inside - self.low) / self.knot_width
        left = tf.clip_by_value(tf.floor(position), 0, _KNOTS - 2)
        u = position - left
        index = tf.cast(left, tf.int32)
        table = tf.constant(self.log_kl, log_t.dtype)
        (y0, m0), (y1, m1) = (
            tf.unstack(tf.gather(table, index + shift), axis=-1) for shift in (0, 1)
        )
        v = 1 - u
        log_kl = v * v * ((1 + 2 * u) * y0 + u * m0) + u * u * ((1 + 2 * v) * y1 - v * m1)
        # exp(-d t) underflows long before t could overflow
        later = tf.exp(tf.clip_by_value(log_t, self.high, 12.0)) - np.exp(self.high)
        return tf.exp(log_kl - self.dim * later)

    def angle(self, log_t: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
        """The angle theta whose law at time t carries the quantile that `radius` has of chi_d."""
        earlier = tf.exp(tf.minimum(log_t, self.low) - self.low)  # the stretch vanishes like t
        inside = tf.clip_by_value(log_t, self.low, self.high)
        radius = tf.minimum(radius, self.radius_max)
        x = _basis((inside - self.low) / (self.high - self.low), self.stretch.shape[0])
        y = _basis(radius / self.radius_max, self.stretch.shape[1])
        stretch = tf.reduce_sum((x @ tf.constant(self.stretch, x.dtype)) * y, axis=-1)
        time = tf.minimum(log_t, self.high)
        return radius * tf.exp(0.5 * time + earlier * stretch)


def _basis(u: tf.Tensor, num: int) -> tf.Tensor:
    """Chebyshev polynomials of degree below `num` at 2 u - 1, u in [0, 1]: (..., num)."""
    edge = 1e-6  # where the derivative of the arc cosine is still finite
    angle = tf.acos(tf.clip_by_value(2 * u - 1, edge - 1, 1 - edge))
    return tf.cos(angle[..., None] * tf.range(num, dtype=u.dtype))
