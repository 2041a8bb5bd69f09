"""What every latent space is."""

import abc
import math
from typing import Any, Self

import tensorflow as tf


class Manifold(abc.ABC):
    """A Riemannian manifold embedded in R^ambient_dim, with Brownian motion on it.

    Brownian motion has generator half the Laplace-Beltrami operator: for small t its law is
    close to a normal law of variance t per tangent direction. A point is a vector in the last
    axis; all leading axes are batch axes.

    Attributes:
        dim: intrinsic dimension d.
        ambient_dim: size of the last axis of a point.
        embedding_dim: size of `embed`'s output, which decoders and readouts see.
        is_compact: whether the volume is finite and the uniform law exists.
        log_volume: natural logarithm of the volume.
        scalar_curvature: d (d - 1) for the unit sphere, 0 for flat spaces.
        log_time_start: log t at which training starts, where the KL is moderate.
        log_time_max: log t where the exact KL to the uniform law is about 0.1 nat.
    """

    dim: int
    ambient_dim: int
    embedding_dim: int
    is_compact: bool = True
    log_volume: float = math.inf
    scalar_curvature: float = 0.0
    log_time_start: float
    log_time_max: float

    @abc.abstractmethod
    def project(self, x: tf.Tensor) -> tf.Tensor:
        """The nearest point of the manifold to x, a vector of the ambient space."""

    @abc.abstractmethod
    def to_tangent(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """The part of v that is tangent at `point`."""

    @abc.abstractmethod
    def exp(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """The end of the geodesic that leaves `point` with velocity v and runs for time 1."""

    @abc.abstractmethod
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The tangent vector at `point` whose geodesic ends at `other`."""

    @abc.abstractmethod
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Length of the shortest geodesic from a to b."""

    @abc.abstractmethod
    def random_uniform(
        self, shape: list[int], seed: Any, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Points of the uniform law: shape + (ambient_dim,); `seed` is a stateless one."""

    @abc.abstractmethod
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """KL(Brownian motion at time t || uniform) in nats, of the shape of log_t."""

    @abc.abstractmethod
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Any) -> tf.Tensor:
        """One exact draw of Brownian motion from `loc` at time t, differentiable in both."""

    def embed(self, point: tf.Tensor) -> tf.Tensor:
        """What decoders and readouts see; the point itself, except on quotients."""
        return point

    def kl_asymptotic(self, log_t: tf.Tensor) -> tf.Tensor:
        """The short-time expansion of the KL to first order, in nats.

        -(d/2) log(2 pi t) - d/2 + log Vol + Scal t / 4: equation (3) on the sphere.
        """
        d = self.dim
        constant = self.log_volume - 0.5 * d * (math.log(2 * math.pi) + 1)
        return constant - 0.5 * d * log_t + 0.25 * self.scalar_curvature * tf.exp(log_t)

    def sample_walk(
        self, loc: tf.Tensor, log_t: tf.Tensor, num_steps: int, seed: Any, step: str
    ) -> tf.Tensor:
        """A walk of projected normal steps in the ambient space, z <- P(z + s eps).

        Args:
            loc: (..., ambient_dim), where the walk starts.
            log_t: (...,).
            num_steps: L.
            seed: stateless.
            step: `algorithm1`, s = t as the publication's Algorithm 1 prints it, or
                `random_walk`, s = sqrt(t / L), whose total time is t.
        """
        scale = tf.exp(log_t) if step == "algorithm1" else tf.exp(0.5 * log_t) / num_steps**0.5
        shape = tf.concat([[num_steps], tf.shape(loc)], axis=0)
        noise = tf.random.stateless_normal(shape, seed, dtype=loc.dtype) * scale[..., None]
        for i in range(num_steps):
            loc = self.project(loc + noise[i])
        return loc

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild from `get_config`."""
        return cls(**config)
