"""Quotients of spheres by the sign: real projective space and the rotations of space."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.manifolds.base import Manifold, Seed, check_dim, numbered
from deltavae.manifolds.geodesic_paths import Path, great_circles, rotation_subgroup
from deltavae.manifolds.heat_kernel.kl import heat_kernel_kl
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.numerics import dot, safe_norm


@keras.saving.register_keras_serializable("deltavae")
class RealProjective(Manifold):
    """RP^d: unit vectors of R^(d+1), z and -z being one point.

    Brownian motion is the sphere's, seen modulo sign: its kernel is p(z) + p(-z), the even
    part of the sphere's. Decoder and readouts see the quadratic monomials z_i z_j, unchanged
    by the sign.

    Args:
        dim: d, from 1 to 200.
    """

    geodesics_name = "Great circles, half of each"

    def __init__(self, dim: int) -> None:
        self.dim = check_dim(type(self).__name__, dim)
        self.cover = Hypersphere(self.dim)
        self.ambient_dim = self.dim + 1
        self.log_volume = self.cover.log_volume - math.log(2)
        self.scalar_curvature = self.cover.scalar_curvature
        self._rows, self._columns = np.triu_indices(self.ambient_dim)
        self._factors = np.where(self._rows == self._columns, 1.0, math.sqrt(2))

    @property
    @override
    def embedding_dim(self) -> int:
        return len(self._rows)

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        return self.cover.project(x)

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        # the sphere's, at this representative
        return self.cover.to_tangent(point, vector)

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        # the sphere's, from this representative
        return self.cover.exp(point, vector)

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        # to the nearer representative of ``other``
        behind = dot(point, other, keepdims=True) < 0
        return self.cover.log(point, tf.where(behind, -other, other))

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        # to the nearer representative, in [0, pi / 2]
        near, far = safe_norm(a - b), safe_norm(a + b)
        return 2.0 * tf.atan2(tf.minimum(near, far), tf.maximum(near, far))

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        return self.cover.random_uniform(shape, seed, dtype)

    @override
    def embed(self, point: tf.Tensor) -> tf.Tensor:
        # z_i^2 and sqrt(2) z_i z_j, i < j: unit vectors again, the same for z and -z
        rows = tf.gather(point, self._rows, axis=-1)
        columns = tf.gather(point, self._columns, axis=-1)
        return rows * columns * tf.constant(self._factors, point.dtype)

    @override
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        return heat_kernel_kl(self.dim, projective=True)(log_t)

    @override
    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        # log(p(y) + p(-y)), with respect to the quotient's surface measure
        near = self.cover.log_heat_kernel(x, y, log_t)
        far = self.cover.log_heat_kernel(x, -y, log_t)
        return tf.reduce_logsumexp(tf.stack([near, far]), axis=0)

    @override
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        # the sphere's sample, one of its two representatives
        return self.cover.sample_heat(loc, log_t, seed)

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        # half of a great circle closes: its ends are z and -z
        turn = np.linspace(0.0, np.pi, num_points)
        point = np.asarray(point, np.float64)
        return great_circles(point, directions, turn, labels or numbered(directions))

    @override
    def along_axis(
        self, point: np.ndarray, axis: np.ndarray, num_points: int
    ) -> np.ndarray | None:
        return self.cover.along_axis(point, axis, num_points)

    @override
    def get_config(self) -> dict[str, Any]:
        return {"dim": self.dim}


@keras.saving.register_keras_serializable("deltavae")
class SO3(RealProjective):
    """The rotations of R^3, as unit quaternions (w, x, y, z) modulo sign.

    The metric is that of the quaternions: a rotation by the angle alpha is alpha / 2 away from
    the identity. Decoder and readouts see the nine numbers of the rotation matrix, by rows.
    """

    geodesics_name = "Turns about three axes"

    def __init__(self) -> None:
        super().__init__(3)

    @property
    @override
    def embedding_dim(self) -> int:
        return 9

    @override
    def embed(self, point: tf.Tensor) -> tf.Tensor:
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

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        # turns by all angles about the rotated object's own three axes
        turn = np.linspace(0.0, 2.0 * np.pi, num_points)
        point = np.asarray(point, np.float64)
        return [
            Path(f"turn about axis {'xyz'[i]}", rotation_subgroup(point, i, turn), True)
            for i in range(3)
        ]

    @override
    def get_config(self) -> dict[str, Any]:
        return {}
