"""Quotients of spheres by the sign: real projective space and the rotations of space."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.heat_kernel.kl import HeatKernelKL, heat_kernel_kl
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.numerics import dot, safe_norm


@keras.saving.register_keras_serializable("deltavae")
class RealProjective(Manifold):
    """RP^d: unit vectors of R^(d+1), z and -z being one point.

    Brownian motion is the sphere's, seen modulo sign: its kernel is p(z) + p(-z), the even
    part of the sphere's. Decoder and readouts see the quadratic monomials z_i z_j, unchanged
    by the sign.

    Args:
        dim: d >= 1.
    """

    def __init__(self, dim: int) -> None:
        self.dim = check_dim(type(self).__name__, dim)
        self.cover = Hypersphere(self.dim)
        self.ambient_dim = self.dim + 1
        self.log_volume = self.cover.log_volume - math.log(2)
        self.scalar_curvature = self.cover.scalar_curvature
        self._rows, self._columns = np.triu_indices(self.ambient_dim)
        self._factors = np.where(self._rows == self._columns, 1.0, math.sqrt(2))

    @property
    def embedding_dim(self) -> int:
        """(d + 1)(d + 2) / 2 monomials."""
        return len(self._rows)

    @property
    def _kl(self) -> HeatKernelKL:
        return heat_kernel_kl(self.dim, self.log_volume, projective=True)

    @property
    def log_time_start(self) -> float:  # type: ignore[override]
        """Log t at a KL of 6 nats; of 2 nats for d <= 2."""
        return self._kl.log_time_at(6.0 if self.dim > 2 else 2.0)

    @property
    def log_time_max(self) -> float:  # type: ignore[override]
        """Log t at a KL of 0.1 nat."""
        return self._kl.log_time_at(0.1)

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """x / |x|."""
        return self.cover.project(x)

    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """The sphere's, at this representative."""
        return self.cover.to_tangent(point, vector)

    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """The sphere's, from this representative."""
        return self.cover.exp(point, vector)

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """To the nearer representative of ``other``."""
        behind = dot(point, other, keepdims=True) < 0
        return self.cover.log(point, tf.where(behind, -other, other))

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """To the nearer representative, in [0, pi / 2]."""
        near, far = safe_norm(a - b), safe_norm(a + b)
        return 2.0 * tf.atan2(tf.minimum(near, far), tf.maximum(near, far))

    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """The sphere's."""
        return self.cover.random_uniform(shape, seed, dtype)

    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """The sphere's even degrees."""
        values, counts = self.cover.spectrum(2 * num_levels)
        return values[::2], counts[::2]

    def embed(self, point: tf.Tensor) -> tf.Tensor:
        """z_i^2 and sqrt(2) z_i z_j, i < j: unit vectors again, the same for z and -z."""
        rows = tf.gather(point, self._rows, axis=-1)
        columns = tf.gather(point, self._columns, axis=-1)
        return rows * columns * tf.constant(self._factors, point.dtype)

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """From the table of the even spectrum."""
        return self._kl(log_t)

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """log(p(y) + p(-y)), with respect to the quotient's surface measure."""
        near = self.cover.log_heat_kernel(x, y, log_t)
        far = self.cover.log_heat_kernel(x, -y, log_t)
        return tf.reduce_logsumexp(tf.stack([near, far]), axis=0)

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """The sphere's sample, one of its two representatives."""
        return self.cover.sample_heat(loc, log_t, seed)

    def get_config(self) -> dict[str, Any]:
        """The dimension."""
        return {"dim": self.dim}


@keras.saving.register_keras_serializable("deltavae")
class SO3(RealProjective):
    """The rotations of R^3, as unit quaternions (w, x, y, z) modulo sign.

    The metric is that of the quaternions: a rotation by the angle alpha is alpha / 2 away from
    the identity. Decoder and readouts see the nine numbers of the rotation matrix, by rows.
    """

    def __init__(self) -> None:
        super().__init__(3)

    @property
    def embedding_dim(self) -> int:
        """The nine numbers of a matrix."""
        return 9

    def embed(self, point: tf.Tensor) -> tf.Tensor:
        """The rotation matrix, (..., 9)."""
        w, x, y, z = (point[..., i : i + 1] for i in range(4))
        return tf.concat(
            [
                1 - 2 * (y * y + z * z),
                2 * (x * y - w * z),
                2 * (x * z + w * y),
                2 * (x * y + w * z),
                1 - 2 * (x * x + z * z),
                2 * (y * z - w * x),
                2 * (x * z - w * y),
                2 * (y * z + w * x),
                1 - 2 * (x * x + y * y),
            ],
            axis=-1,
        )

    def get_config(self) -> dict[str, Any]:
        """Nothing to configure."""
        return {}
