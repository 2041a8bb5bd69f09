"""The sphere S^d."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim, numbered
from deltavae.manifolds.geodesic_paths import Path, great_circle, great_circles
from deltavae.manifolds.heat_kernel.density import log_kernel
from deltavae.manifolds.heat_kernel.kl import heat_kernel_kl
from deltavae.manifolds.heat_kernel.radial_quantiles import radial_quantile_map
from deltavae.manifolds.heat_kernel.tables import MAX_DIM
from deltavae.manifolds.heat_kernel.volumes import sphere_log_volume
from deltavae.manifolds.numerics import angle_between, dot, safe_norm, sinc


@keras.saving.register_keras_serializable("deltavae")
class Hypersphere(Manifold):
    """The unit sphere S^d in R^(d+1); the circle for d = 1.

    The heat kernel is exact: KL and sampler from tables made of the spectrum
    (`heat_kernel.tables`), the density from the spectrum and its short-time expansion
    (`heat_kernel.density`). On the circle an exact sample is a rotation by sqrt(t) eps.

    Args:
        dim: d, from 1 to 200, for which tables come with the package.
    """

    geodesics_name = "Great circles"

    def __init__(self, dim: int) -> None:
        self.dim = check_dim("Hypersphere", dim)
        if self.dim > MAX_DIM:
            raise UserError(
                "the sphere has too many dimensions",
                expected=f"at most {MAX_DIM}, for which there are tables of the heat kernel",
                received=dim,
            )
        self.ambient_dim = self.dim + 1
        self.log_volume = sphere_log_volume(self.dim)
        self.scalar_curvature = float(self.dim * (self.dim - 1))
        self.code_kind = "circle" if self.dim == 1 else "vector"

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        # the origin, which has no nearest point, stays where it is
        return tf.math.l2_normalize(x, axis=-1)

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return vector - dot(vector, point, keepdims=True) * point

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        angle = safe_norm(vector, keepdims=True)
        return tf.cos(angle) * point + sinc(angle) * vector

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        # 0 at the antipode, where no direction is shortest
        tangent = self.to_tangent(point, other)
        length = safe_norm(tangent, keepdims=True)
        direction = tangent / tf.where(length > 0, length, tf.ones_like(length))
        return self.dist(point, other)[..., None] * direction

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return angle_between(a, b)

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        shape = tf.concat([tf.cast(shape, tf.int32), [self.ambient_dim]], 0)
        return self.project(tf.random.stateless_normal(shape, seed=seed, dtype=dtype))

    @override
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        # 1e-9 in float64, rounding in float32
        return heat_kernel_kl(self.dim)(log_t)

    @override
    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        return log_kernel(self.dim)(x, y, log_t)

    @override
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        # a normal tangent vector, its length mapped, through the exponential map
        shape = tf.broadcast_dynamic_shape(tf.shape(loc), tf.shape(log_t[..., None]))
        noise = tf.random.stateless_normal(shape, seed=seed, dtype=loc.dtype)
        tangent = self.to_tangent(loc, noise)
        square = tf.reduce_sum(tangent * tangent, axis=-1)
        rho = tf.sqrt(tf.maximum(square, float(np.finfo(loc.dtype.as_numpy_dtype).tiny)))
        if self.dim == 1:
            # rotations by more than 1e3 are uniform on the circle to any dtype's rounding
            theta = rho * tf.exp(tf.minimum(log_t, 2 * math.log(1e3)) / 2)
        else:
            theta = radial_quantile_map(self.dim)(rho, log_t)
        return tf.cos(theta)[..., None] * loc + (tf.sin(theta) / rho)[..., None] * tangent

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        point = np.asarray(point, np.float64)
        if self.dim == 1:  # there is only one
            directions, labels = np.array([[-point[1], point[0]]]), ["circle"]
        turn = np.linspace(0.0, 2.0 * np.pi, num_points)
        return great_circles(point, directions, turn, labels or numbered(directions))

    @override
    def along_axis(
        self, point: np.ndarray, axis: np.ndarray, num_points: int
    ) -> np.ndarray | None:
        # the coordinate goes from -1 to 1 and the others shrink: half a great circle
        rest = point - (point @ axis) * axis
        length = np.linalg.norm(rest)
        if length < 1e-6:
            return None
        return great_circle(rest / length, axis, np.linspace(-np.pi / 2, np.pi / 2, num_points))

    @override
    def get_config(self) -> dict[str, Any]:
        return {"dim": self.dim}
