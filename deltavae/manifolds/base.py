"""What a latent space is."""

from __future__ import annotations

import abc
import math
import numbers
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.geodesic_paths import Path, to_and_fro
from deltavae.manifolds.heat_kernel.kl import short_time_kl

Seed: TypeAlias = Any  # a stateless seed: two int32, as a tensor or a pair


class Manifold(abc.ABC):
    """A Riemannian manifold embedded in R^n, with its Brownian motion.

    Brownian motion has generator half the Laplacian, so that for small diffusion time t its
    distribution around ``loc`` looks like a normal one with variance t per tangent direction.
    Points, tangent vectors and embeddings occupy the last axis of a tensor; any axes may come
    before it. Methods keep the dtype (float32 or float64) of their arguments, and a NaN in an
    argument comes out as NaN.

    A new manifold is one file: this class's abstract methods, and `kl_exact`,
    `log_heat_kernel` and `sample_heat` where its heat kernel is known. See
    docs/extending/new_latent_space.md.

    Attributes:
        dim: intrinsic dimension.
        ambient_dim: size of a point.
        log_volume: log of the volume in the metric of the embedding.
        scalar_curvature: its mean over the manifold.
        is_compact: whether a uniform distribution exists.
        has_exact_kernel: whether the heat kernel is known, rather than only walks.
        code_kind: what the embedding of a point is, for readouts: `circle`, a pair (cos, sin);
            `line`, one number; `vector`, anything else.
        geodesics_name: what `closed_geodesics` gives, as a heading.
    """

    dim: int
    ambient_dim: int
    log_volume: float
    scalar_curvature: float
    is_compact: bool = True
    has_exact_kernel: bool = True
    code_kind: str = "vector"
    geodesics_name: str = "Geodesics"

    @property
    def factors(self) -> tuple[Manifold, ...]:
        """The spaces of which this one is the product; itself alone unless it is a product."""
        return (self,)

    @property
    def num_factors(self) -> int:
        """How many they are, which is how many diffusion times a point can have."""
        return len(self.factors)

    @property
    def embedding_dim(self) -> int:
        """Size of `embed`'s result: `ambient_dim`, except where points have several names."""
        return self.ambient_dim

    @property
    def log_time_floor(self) -> float:
        """The log t where the short-time KL is least; infinite where the space is flat.

        Setting the derivative of equation (3) in t to zero gives t = 2 dim / curvature, which
        on S^d is 2 / (d - 1). Beyond, (3) grows although the true KL goes on falling.
        """
        curvature = self.scalar_curvature
        return math.log(2 * self.dim / curvature) if curvature > 0 else math.inf

    def log_time_at(self, nats: float) -> float:
        """Find the log t at which the KL to the uniform distribution is that many nats.

        The KL is the exact one where it is known, else the short-time formula, and then at
        most `log_time_floor`.
        """
        kl = self.kl_exact if self.has_exact_kernel else self.kl_asymptotic
        latest = 10.0 if self.has_exact_kernel else min(50.0, self.log_time_floor)

        def below(log_t: np.ndarray) -> np.ndarray:
            with tf.init_scope():  # also when first asked for inside a graph
                return kl(tf.constant(log_t, tf.float64)).numpy() < nats

        if not below(np.array(latest)):
            return latest
        # many points at once: a call costs a hundred times what a point does
        low, high = -40.0, latest
        for _ in range(4):
            grid = np.linspace(low, high, 1025)
            first = int(np.argmax(below(grid)))
            low, high = grid[max(first - 1, 0)], grid[first]
        return float(low + high) / 2

    @abc.abstractmethod
    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Go to the nearest point; with operations of TF 1.13 only, since exports hold it."""

    @abc.abstractmethod
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Project ambient vectors orthogonally to the tangent space at ``point``."""

    @abc.abstractmethod
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Follow the geodesic of length |vector| that leaves ``point`` along ``vector``."""

    @abc.abstractmethod
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Find the shortest tangent vector that `exp` carries to ``other``."""

    @abc.abstractmethod
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Measure the geodesic distance (never a chord)."""

    @abc.abstractmethod
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Draw uniform points, (*shape, ambient_dim); ``seed`` is stateless, int32 (2,)."""

    @abc.abstractmethod
    def get_config(self) -> dict[str, Any]:
        """Give the constructor's arguments."""

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
        """Evaluate the short-time formula for it: equation (3), this volume and curvature."""
        return short_time_kl(log_t, self.dim, self.log_volume, self.scalar_curvature)

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Log density at ``y`` of Brownian motion from ``x``, w.r.t. the surface measure."""
        raise self._no_kernel("log_heat_kernel")

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """Draw one exact sample of the heat kernel per (loc, log t), with pathwise gradients."""
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
            log_t: log of the diffusion time, broadcasting against loc's leading axes.
            num_steps: number of steps, L.
            seed: stateless seed.
            step: `random_walk`, sqrt(t / L) eps per step, total time t; `algorithm1`, t eps
                as the publication prints it, total time about L t^2.
        """
        return self._walk(loc, log_t[..., None], num_steps, seed, step)

    def kl_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, form: str = "exact") -> tf.Tensor:
        """KL of each factor to its uniform distribution, in nats.

        Args:
            loc: where the motion starts, (..., ambient_dim); here the KL is the same from all
                points, and it is not looked at.
            log_t: a log time per factor, (..., num_factors).
            form: `exact` or `asymptotic`.

        Returns:
            (..., num_factors); the KL on the whole space is their sum.
        """
        return self.kl_exact(log_t) if form == "exact" else self.kl_asymptotic(log_t)

    def log_heat_kernel_by_factor(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """`log_heat_kernel` on each factor, with a log time per factor: (..., num_factors).

        The log density on the whole space is their sum.
        """
        return self.log_heat_kernel(x, y, log_t[..., 0])[..., None]

    def sample_heat_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """`sample_heat` with a log time per factor, (..., num_factors)."""
        return self.sample_heat(loc, log_t[..., 0], seed)

    def sample_walk_by_factor(
        self,
        loc: tf.Tensor,
        log_t: tf.Tensor,
        num_steps: int,
        seed: Seed,
        step: str = "random_walk",
    ) -> tf.Tensor:
        """`sample_walk` with a log time per factor, (..., num_factors)."""
        # each coordinate of a point moves at its factor's time
        owner = np.repeat(range(self.num_factors), [f.ambient_dim for f in self.factors])
        by_coordinate = log_t if self.num_factors == 1 else tf.gather(log_t, owner, axis=-1)
        return self._walk(loc, by_coordinate, num_steps, seed, step)

    def _walk(
        self, loc: tf.Tensor, log_t: tf.Tensor, num_steps: int, seed: Seed, step: str
    ) -> tf.Tensor:
        """Walk with log t broadcasting against loc, ambient axis included."""
        if step == "random_walk":
            scale = tf.exp(log_t / 2) * num_steps**-0.5
        else:
            scale = tf.exp(log_t)
        shape = tf.broadcast_dynamic_shape(tf.shape(loc), tf.shape(log_t))
        noise = tf.random.stateless_normal(
            tf.concat([[num_steps], shape], 0), seed=seed, dtype=loc.dtype
        )
        for increment in tf.unstack(noise * scale, num=num_steps):
            loc = self.project(loc + increment)
        return loc

    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        """List the closed paths through a point that this space has.

        Here, for a space that has none or does not say: geodesics of length 2 to both sides of
        the point, there and back.

        Args:
            point: where the paths begin, (ambient_dim,).
            directions: (m, ambient_dim), wished-for directions, used where the space has no
                circles of its own; those that are normal to the space are left out.
            num_points: points on each path, both ends counted.
            labels: of the directions; by default "direction 1" and so on.

        Returns:
            Paths, in the order of the directions or of the space's own circles.
        """
        # a point in float32 is not quite on the space: what is tangent there, where the direction
        # is nearly normal, would lead off it
        start, paths = self.project(tf.constant(point, tf.float64)), []
        for label, direction in zip(labels or numbered(directions), directions, strict=True):
            tangent = self.to_tangent(start, tf.constant(direction, tf.float64)).numpy()
            length = np.linalg.norm(tangent)
            if length < 1e-6 * np.linalg.norm(direction):
                continue
            steps = np.outer(to_and_fro(num_points, 2.0), tangent / length)
            points = self.exp(start + tf.zeros_like(steps), tf.constant(steps)).numpy()
            paths.append(Path(label, points, False))
        return paths

    def along_axis(
        self, point: np.ndarray, axis: np.ndarray, num_points: int
    ) -> np.ndarray | None:
        """Vary one coordinate of the code, the others following as they must.

        Here the point is moved by -1 to 1 along the axis and projected back.

        Args:
            point: (ambient_dim,), float64.
            axis: the coordinate's direction, of norm 1, (ambient_dim,), float64.
            num_points: points on the path.

        Returns:
            (num_points, ambient_dim), or None where the axis leads nowhere from this point.
        """
        moved = point + np.outer(np.linspace(-1.0, 1.0, num_points), axis)
        return self.project(tf.constant(moved)).numpy()

    def _no_kernel(self, method: str) -> UserError:
        name = type(self).__name__
        return UserError(
            f"{name}.{method} has no closed form",
            expected="a manifold whose heat kernel and uniform distribution are known",
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


def numbered(directions: np.ndarray) -> list[str]:
    """Label directions by their number, from 1."""
    return [f"direction {i + 1}" for i in range(len(directions))]


def check_dim(name: str, dim: int) -> int:
    """Return ``dim`` as an int, or raise `UserError` where it is no positive whole number."""
    is_number = isinstance(dim, numbers.Real) and not isinstance(dim, bool)
    if not is_number or not math.isfinite(dim) or int(dim) != dim or dim < 1:
        raise UserError(
            f"{name} has no such size", expected="a whole number >= 1", received=repr(dim)
        )
    return int(dim)
