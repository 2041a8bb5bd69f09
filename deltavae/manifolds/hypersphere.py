"""The unit sphere S^d in R^(d+1)."""

import functools
import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold
from deltavae.manifolds.heat_kernel import SphereTables


@keras.saving.register_keras_serializable("deltavae")
class Hypersphere(Manifold):
    """The unit sphere S^d = {z in R^(d+1): |z| = 1}.

    Args:
        dim: d >= 1; the exact heat kernel is there for d <= 50.
    """

    def __init__(self, dim: int) -> None:
        if not isinstance(dim, int) or dim < 1:
            raise UserError(
                "the sphere has no such dimension",
                expected="dim, a whole number >= 1",
                received=dim,
            )
        self.dim = dim
        self.ambient_dim = self.embedding_dim = dim + 1
        half = (dim + 1) / 2
        self.log_volume = math.log(2) + half * math.log(math.pi) - math.lgamma(half)
        self.scalar_curvature = float(dim * (dim - 1))

    @functools.cached_property
    def tables(self) -> SphereTables:
        """The exact heat kernel, loaded when first asked for."""
        return SphereTables(self.dim)

    @functools.cached_property
    def log_time_max(self) -> float:  # type: ignore[override]
        """Log t where the exact KL is 0.1 nat."""
        return self._log_time_of(0.1)

    @functools.cached_property
    def log_time_start(self) -> float:  # type: ignore[override]
        """Log t where the KL is about d / 2 nats (at least 1.5)."""
        if self.dim > 50:
            return math.log(1 / self.dim)
        return self._log_time_of(max(1.5, self.dim / 2))

    def _log_time_of(self, kl: float) -> float:
        low, high = -12.0, 4.0
        for _ in range(60):
            middle = 0.5 * (low + high)
            with tf.init_scope():  # first asked for inside a graph, perhaps
                above = float(self.kl_exact(tf.constant(middle, tf.float64))) > kl
            low, high = (middle, high) if above else (low, middle)
        return low

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """x / |x|; the origin, which has no nearest point, stays where it is."""
        return tf.math.l2_normalize(x, axis=-1)

    def to_tangent(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """v - (v . point) point."""
        return v - tf.reduce_sum(v * point, axis=-1, keepdims=True) * point

    def exp(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """cos|v| point + sin|v| v/|v|."""
        norm = _norm(v)
        return tf.cos(norm) * point + tf.sin(norm) * v / norm

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Undefined at the antipode, where it is some vector of length pi or 0."""
        direction = self.to_tangent(point, other)
        return self.dist(point, other)[..., None] * direction / _norm(direction)

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """The angle, 2 atan2(|a - b|, |a + b|): accurate at 0 and pi alike."""
        return 2 * tf.atan2(_norm(a - b)[..., 0], _norm(a + b)[..., 0])

    def random_uniform(
        self, shape: list[int], seed: Any, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Normalised normal vectors."""
        full = tf.concat([shape, [self.ambient_dim]], axis=0)
        return self.project(tf.random.stateless_normal(full, seed, dtype=dtype))

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """KL(heat kernel || uniform): exact series at short times, tables beyond."""
        d = self.dim
        t = tf.exp(tf.minimum(log_t, self.tables.low))
        c2 = -d * (d - 1) * (3 * d - 7) / 144
        c3 = -d * (d - 1) * (2 * d - 5) / 324
        c4 = d * (d - 1) * (45 * d**3 - 215 * d**2 - 513 * d + 1979) / 259200
        early = self.kl_asymptotic(tf.minimum(log_t, self.tables.low))
        early += t * t * (c2 + t * (c3 + t * c4))
        return tf.where(log_t < self.tables.low, early, self.tables.kl(log_t))

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Any) -> tf.Tensor:
        """An exact draw: a tangent direction, and an angle from the tables of its law."""
        shape = tf.shape(loc)
        log_t = tf.broadcast_to(log_t, shape[:-1])
        noise = self.to_tangent(loc, tf.random.stateless_normal(shape, seed, dtype=loc.dtype))
        radius = _norm(noise)
        angle = self.tables.angle(log_t, radius[..., 0])[..., None]
        return tf.cos(angle) * loc + tf.sin(angle) * noise / radius

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.dim}


def _norm(v: tf.Tensor) -> tf.Tensor:
    """|v| in the last axis, kept; at 0 a tiny positive number, with gradient 0."""
    squared = tf.reduce_sum(v * v, axis=-1, keepdims=True)
    return tf.sqrt(tf.maximum(squared, np.finfo(v.dtype.as_numpy_dtype).tiny))
