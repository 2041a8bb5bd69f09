"""What a latent space is."""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.heat_kernel.kl import short_time_kl

Seed: TypeAlias = Any  # a stateless seed: two int32, as a tensor or a pair


class Manifold(abc.ABC):
    """A Riemannian manifold embedded in R^n, with its Brownian motion.

    Brownian motion has generator half the Laplacian, so that for small time t its law around
    ``loc`` looks like a normal law with variance t per tangent direction. Points, tangent
    vectors and embeddings occupy the last axis of a tensor; any axes may come before it.
    Methods keep the dtype (float32 or float64) of their arguments.

    Attributes:
        dim: intrinsic dimension.
        ambient_dim: size of a point.
        embedding_dim: size of what the decoder and the readouts see; `ambient_dim` except on
            quotients, where points have several representatives.
        log_volume: log of the volume in the metric of the embedding.
        scalar_curvature: its mean over the manifold.
        is_compact: whether a uniform law exists.
        has_exact_kernel: whether the heat kernel is known, rather than only walks.
        log_time_start: a moderate log t to start training from (KL of 6 nats).
        log_time_max: the log t where the KL is 0.1 nat; beyond, it is flat.
    """

    dim: int
    ambient_dim: int
    log_volume: float
    scalar_curvature: float
    is_compact: bool = True
    has_exact_kernel: bool = True
    log_time_start: float
    log_time_max: float

    @property
    def log_time_floor(self) -> float:
        """The log t where the short-time KL is least; infinite where the space is flat.

        Setting the derivative of equation (3) in t to zero gives t = 2 dim / curvature, which
        on S^d is 2 / (d - 1). Beyond, (3) grows although the true KL goes on falling.
        """
        curvature = self.scalar_curvature
        return math.log(2 * self.dim / curvature) if curvature > 0 else math.inf

    @property
    def embedding_dim(self) -> int:
        """Size of `embed`'s result."""
        return self.ambient_dim

    @abc.abstractmethod
    def project(self, x: tf.Tensor) -> tf.Tensor:
        """The nearest point of the manifold; ops of TF 1.13 only, since exports hold it."""

    @abc.abstractmethod
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Orthogonal projection of ambient vectors to the tangent space at ``point``."""

    @abc.abstractmethod
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """End of the geodesic of length |vector| that leaves ``point`` along ``vector``."""

    @abc.abstractmethod
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The shortest tangent vector that `exp` carries to ``other``."""

    @abc.abstractmethod
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Geodesic distance (never a chord)."""

    @abc.abstractmethod
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Points of the uniform law, (*shape, ambient_dim); ``seed`` is stateless, int32 (2,)."""

    @abc.abstractmethod
    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """The first distinct eigenvalues of minus the Laplacian, and their multiplicities."""

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Manifold:
        """Rebuild from `get_config`."""
        return cls(**config)

    def embed(self, point: tf.Tensor) -> tf.Tensor:
        """What decoder and readouts see; equal for all representatives of a point."""
        return point

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """KL(heat kernel || uniform) in nats, of the shape of ``log_t``."""
        raise self._no_kernel("kl_exact")

    def kl_asymptotic(self, log_t: tf.Tensor) -> tf.Tensor:
        """The short-time formula for it, equation (3) with this volume and curvature."""
        return short_time_kl(log_t, self.dim, self.log_volume, self.scalar_curvature)

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Log density at ``y`` of Brownian motion from ``x``, w.r.t. the surface measure."""
        raise self._no_kernel("log_heat_kernel")

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """One exact sample of the heat kernel per (loc, log t), with pathwise gradients."""
        raise self._no_kernel("sample_heat")

    def sample_walk(
        self,
        loc: tf.Tensor,
        log_t: tf.Tensor,
        num_steps: int,
        seed: Seed,
        step: str = "random_walk",
    ) -> tf.Tensor:
        """Walk by ambient normal steps, each projected back to the manifold.

        Args:
            loc: start, (..., ambient_dim).
            log_t: log of the time, broadcasting against loc's leading axes.
            num_steps: number of steps, L.
            seed: stateless seed.
            step: `random_walk`, sqrt(t / L) eps per step, total time t; `algorithm1`, t eps
                as the publication prints it, total time about L t^2.
        """
        if step == "random_walk":
            scale = tf.exp(log_t / 2) * num_steps**-0.5
        else:
            scale = tf.exp(log_t)
        shape = tf.broadcast_dynamic_shape(tf.shape(loc), tf.shape(log_t[..., None]))
        noise = tf.random.stateless_normal(
            tf.concat([[num_steps], shape], 0), seed=seed, dtype=loc.dtype
        )
        for increment in tf.unstack(noise * scale[..., None], num=num_steps):
            loc = self.project(loc + increment)
        return loc

    def _no_kernel(self, method: str) -> UserError:
        name = type(self).__name__
        return UserError(
            f"{name}.{method} has no closed form",
            expected="a manifold whose heat kernel against the uniform law is known",
            received=name,
            advice='Use mode="random_walk" and kl="asymptotic" on closed manifolds.',
        )

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._key() == other._key()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash((type(self), repr(self._key())))

    def _key(self) -> object:
        return self.get_config()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def check_dim(name: str, dim: int) -> int:
    """``dim`` as an int, or the error that says it must be a positive whole number."""
    if isinstance(dim, bool) or int(dim) != dim or dim < 1:
        raise UserError(f"{name} has no such size", expected="a whole number >= 1", received=dim)
    return int(dim)
