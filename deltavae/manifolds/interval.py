"""The interval [0, pi], whose Brownian motion is reflected at both ends."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.manifolds.base import Manifold, Seed
from deltavae.manifolds.geodesic_paths import Path
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.numerics import dot

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


@keras.saving.register_keras_serializable("deltavae")
class Interval(Manifold):
    """The interval [0, pi]: a line with a uniform prior.

    It is the circle folded: a point is a unit vector (x, y), of which (x, -y) is another name,
    and stands for the angle atan2(|y|, x), which is what decoder and readouts see. Reflected
    Brownian motion is the circle's, folded; its kernel is p(y) + p(mirrored y).

    Unlike elsewhere, the KL to the uniform distribution depends on the starting point. It is
    that of the circle from the ends, and less from between them, by what the fold hides.
    """

    dim = 1
    ambient_dim = 2
    scalar_curvature = 0.0
    log_volume = math.log(math.pi)
    code_kind = "line"
    geodesics_name = "From end to end"

    def __init__(self) -> None:
        self.cover = Hypersphere(1)

    @property
    @override
    def embedding_dim(self) -> int:
        return 1

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        return self.cover.project(x)

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return self.cover.to_tangent(point, vector)

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return self.cover.exp(point, vector)

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        # to the nearer of the two names of `other`
        mirrored = _mirror(other)
        is_nearer = dot(point, mirrored, keepdims=True) > dot(point, other, keepdims=True)
        return self.cover.log(point, tf.where(is_nearer, mirrored, other))

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        return tf.minimum(self.cover.dist(a, b), self.cover.dist(a, _mirror(b)))

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        return self.cover.random_uniform(shape, seed, dtype)

    @override
    def embed(self, point: tf.Tensor) -> tf.Tensor:
        return tf.math.atan2(tf.abs(point[..., 1:]), point[..., :1])

    @override
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        # from the ends, where it is largest
        return self.cover.kl_exact(log_t)

    @override
    def kl_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, form: str = "exact") -> tf.Tensor:
        """From each loc: the circle's KL, less what the fold hides.

        By the chain rule that is the mean over z of log 2 - H, with H the entropy of which of
        its two names z had, given z: w tanh w - log cosh w, for w half the log ratio of their
        densities. The mean is a quadrature over the angle, in float64. The asymptotic form is
        that from between the ends.
        """
        if form != "exact":
            return self.kl_asymptotic(log_t)
        loc, log_t64 = tf.cast(loc, tf.float64), tf.cast(log_t, tf.float64)
        start = tf.math.atan2(loc[..., 1], loc[..., 0])[..., None]
        # angles of z - loc that hold all but 1e-15 of the circle's distribution
        reach = tf.minimum(8.2 * tf.exp(tf.minimum(log_t64, 10.0) / 2), math.pi)
        turn = reach * _NODES
        z = start + turn
        log_here = self._log_circle(turn, log_t64)
        log_there = self._log_circle(z + start, log_t64)
        w = tf.abs(log_here - log_there) / 2
        log_cosh = w + tf.math.softplus(-2 * w) - math.log(2)
        hidden = w * tf.tanh(w) - log_cosh
        mean = tf.reduce_sum(tf.exp(log_here) * hidden * _WEIGHTS, -1, keepdims=True) * reach
        return tf.maximum(self.kl_exact(log_t) - tf.cast(mean, log_t.dtype), 0.0)

    def _log_circle(self, angle: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        north = tf.constant([1.0, 0.0], tf.float64)
        end = tf.stack([tf.cos(angle), tf.sin(angle)], axis=-1)
        return self.cover.log_heat_kernel(north + tf.zeros_like(end), end, log_t)

    @override
    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        here = self.cover.log_heat_kernel(x, y, log_t)
        there = self.cover.log_heat_kernel(x, _mirror(y), log_t)
        return tf.reduce_logsumexp(tf.stack([here, there]), axis=0)

    @override
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        return self.cover.sample_heat(loc, log_t, seed)

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        # once round the circle, which is to one end, to the other, and back
        (path,) = self.cover.closed_geodesics(point, directions, num_points)
        return [Path("from end to end", path.points, True)]

    @override
    def get_config(self) -> dict[str, Any]:
        return {}


def _mirror(point: tf.Tensor) -> tf.Tensor:
    return point * tf.constant([1.0, -1.0], point.dtype)
