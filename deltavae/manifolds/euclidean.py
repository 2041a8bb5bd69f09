"""Flat space R^d."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.numerics import safe_norm


@keras.saving.register_keras_serializable("deltavae")
class Euclidean(Manifold):
    """R^d, where Brownian motion is a normal law. No uniform law, hence no KL to one.

    Args:
        dim: d >= 1.
    """

    is_compact = False
    log_volume = math.inf
    scalar_curvature = 0.0
    log_time_start = 0.0
    log_time_max = math.inf

    def __init__(self, dim: int) -> None:
        self.dim = self.ambient_dim = check_dim("Euclidean", dim)

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Every vector is a point."""
        return x

    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Every vector is tangent."""
        return vector + tf.zeros_like(point)

    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Point plus vector."""
        return point + vector

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The difference."""
        return other - point

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Length of the difference."""
        return safe_norm(b - a)

    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Refused: the volume is infinite."""
        raise _not_closed()

    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """Refused: the spectrum is continuous."""
        raise _not_closed()

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """Refused: there is no uniform law to compare with."""
        raise _not_closed()

    def kl_asymptotic(self, log_t: tf.Tensor) -> tf.Tensor:
        """Refused: there is no uniform law to compare with."""
        raise _not_closed()

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Normal density of variance t."""
        square = tf.reduce_sum((x - y) ** 2, axis=-1)
        log_normal = math.log(2 * math.pi) + log_t
        return -square * tf.exp(-log_t) / 2 - self.dim / 2 * log_normal

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """Loc plus sqrt(t) eps."""
        return self.sample_walk(loc, log_t, 1, seed)

    def get_config(self) -> dict[str, Any]:
        """The dimension."""
        return {"dim": self.dim}


def _not_closed() -> UserError:
    return UserError(
        "R^d has no uniform law",
        expected="a closed manifold",
        received="Euclidean",
        advice="Use GaussianPosterior for a normal latent space.",
    )
