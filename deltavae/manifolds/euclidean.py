"""Flat space R^d."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.numerics import safe_norm


@keras.saving.register_keras_serializable("deltavae")
class Euclidean(Manifold):
    """R^d, the product of d lines, where Brownian motion has a normal distribution.

    There is no uniform distribution, hence no KL to one.

    Args:
        dim: d >= 1.
    """

    is_compact = False
    log_volume = math.inf
    scalar_curvature = 0.0
    geodesics_name = "Straight lines"

    def __init__(self, dim: int) -> None:
        self.dim = self.ambient_dim = check_dim("Euclidean", dim)
        self.code_kind = "line" if self.dim == 1 else "vector"

    @property
    @override
    def factors(self) -> tuple[Manifold, ...]:
        return (self,) if self.dim == 1 else (Euclidean(1),) * self.dim

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        return x

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return vector + tf.zeros_like(point)

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return point + vector

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        return other - point

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return safe_norm(b - a)

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        raise _not_closed()

    @override
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        raise _not_closed()

    @override
    def kl_asymptotic(self, log_t: tf.Tensor) -> tf.Tensor:
        raise _not_closed()

    @override
    def log_time_at(self, nats: float) -> float:
        raise _not_closed()

    @override
    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self.log_heat_kernel_by_factor(x, y, log_t[..., None]), axis=-1)

    @override
    def log_heat_kernel_by_factor(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        return -((x - y) ** 2) * tf.exp(-log_t) / 2 - (math.log(2 * math.pi) + log_t) / 2

    @override
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        return self.sample_walk(loc, log_t, 1, seed)

    @override
    def sample_heat_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        return self.sample_walk_by_factor(loc, log_t, 1, seed)

    @override
    def along_axis(
        self, point: np.ndarray, axis: np.ndarray, num_points: int
    ) -> np.ndarray | None:
        # from -2 to 2 along the axis, which is two standard deviations of the prior
        rest = point - (point @ axis) * axis
        return rest + np.outer(np.linspace(-2.0, 2.0, num_points), axis)

    @override
    def get_config(self) -> dict[str, Any]:
        return {"dim": self.dim}


def _not_closed() -> UserError:
    return UserError(
        "R^d has no uniform distribution",
        expected="a closed manifold",
        received="Euclidean",
        advice="Use GaussianPosterior for a normal latent space.",
    )
