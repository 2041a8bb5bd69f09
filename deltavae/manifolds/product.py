"""Products of manifolds, and the flat torus, the product of circles."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy import optimize

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.numerics import safe_norm


@keras.saving.register_keras_serializable("deltavae")
class Product(Manifold):
    """The product of manifolds: points are the factors' points, one after the other.

    Brownian motions are independent and share one time: kernels multiply, KLs add.

    Args:
        factors: manifolds, at least one; S^2 x S^1 is Product([Hypersphere(2), Hypersphere(1)]).
    """

    def __init__(self, factors: Sequence[Manifold]) -> None:
        factors = tuple(factors)
        if not factors:
            raise UserError(
                "A product of nothing", expected="at least one manifold", received="no factors"
            )
        for factor in factors:
            if not isinstance(factor, Manifold):
                raise UserError(
                    "A factor is no manifold", expected="manifolds", received=repr(factor)
                )
        self.factors = factors
        self.dim = sum(f.dim for f in factors)
        self.ambient_dim = sum(f.ambient_dim for f in factors)
        self.log_volume = sum(f.log_volume for f in factors)
        self.scalar_curvature = sum(f.scalar_curvature for f in factors)
        self.is_compact = all(f.is_compact for f in factors)
        self.has_exact_kernel = all(f.has_exact_kernel for f in factors)

    @property
    def embedding_dim(self) -> int:
        """Sum of the factors'."""
        return sum(f.embedding_dim for f in self.factors)

    @property
    def log_time_start(self) -> float:  # type: ignore[override]
        """Log t where the whole KL is 6 nats (2 where d <= 2)."""
        return self.log_time_at(6.0 if self.dim > 2 else 2.0)

    @property
    def log_time_max(self) -> float:  # type: ignore[override]
        """Log t where the whole KL is 0.1 nat."""
        return self.log_time_at(0.1)

    def log_time_at(self, nats: float) -> float:
        """The log t at which the KL to the uniform law is that many nats."""
        if not self.is_compact:
            return 0.0 if nats > 1 else math.inf

        def excess(log_t: float) -> float:
            return sum(_kl_number(f, log_t) for f in self.factors) - nats

        return float(optimize.brentq(excess, -20.0, 5.0))

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Each part to its factor."""
        return self._each(lambda f, part: f.project(part), x)

    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Each part to its factor's tangent space."""
        return self._each(lambda f, p, v: f.to_tangent(p, v), point, vector)

    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Geodesics in each factor."""
        return self._each(lambda f, p, v: f.exp(p, v), point, vector)

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Geodesics in each factor."""
        return self._each(lambda f, p, q: f.log(p, q), point, other)

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Root of the sum of squares of the factors' distances."""
        parts = zip(self.factors, self._split(a), self._split(b), strict=True)
        return safe_norm(tf.stack([f.dist(x, y) for f, x, y in parts], axis=-1))

    def embed(self, point: tf.Tensor) -> tf.Tensor:
        """The factors' embeddings, one after the other."""
        return self._each(lambda f, part: f.embed(part), point)

    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Independent uniform points of the factors."""
        parts = zip(self.factors, self._seeds(seed), strict=True)
        return tf.concat([f.random_uniform(shape, s, dtype) for f, s in parts], axis=-1)

    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums of the factors' eigenvalues, products of multiplicities."""
        levels = {0.0: 1.0}
        for factor in self.factors:
            grown: dict[float, float] = {}
            # num_levels of each factor hold every sum below the smallest one left out
            for value, count in zip(*factor.spectrum(num_levels), strict=True):
                for other, times in levels.items():
                    key = round(value + other, 9)
                    grown[key] = grown.get(key, 0.0) + count * times
            levels = dict(sorted(grown.items())[:num_levels])
        return np.array(list(levels)), np.array(list(levels.values()))

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """The sum of the factors' KLs."""
        kinds = {f: self.factors.count(f) for f in self.factors}
        return tf.add_n([n * f.kl_exact(log_t) for f, n in kinds.items()])

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """The sum of the factors' log densities."""
        parts = zip(self.factors, self._split(x), self._split(y), strict=True)
        return tf.add_n([f.log_heat_kernel(a, b, log_t) for f, a, b in parts])

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """Independent exact samples of the factors."""
        parts = zip(self.factors, self._split(loc), self._seeds(seed), strict=True)
        return tf.concat([f.sample_heat(part, log_t, s) for f, part, s in parts], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The factors' own configurations."""
        return {"factors": [keras.saving.serialize_keras_object(f) for f in self.factors]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Product":
        """Rebuild from `get_config`."""
        return cls([keras.saving.deserialize_keras_object(f) for f in config["factors"]])

    def _split(self, x: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(x, [f.ambient_dim for f in self.factors], axis=-1)

    def _seeds(self, seed: Seed) -> list[tf.Tensor]:
        return tf.unstack(tf.random.split(seed, len(self.factors)), num=len(self.factors))

    def _each(self, function: Callable[..., tf.Tensor], *values: tf.Tensor) -> tf.Tensor:
        parts = zip(self.factors, *(self._split(value) for value in values), strict=True)
        return tf.concat([function(*part) for part in parts], axis=-1)

    def __repr__(self) -> str:
        return " x ".join(map(repr, self.factors))


@keras.saving.register_keras_serializable("deltavae")
class FlatTorus(Manifold):
    """The product of unit circles (S^1)^k in R^(2k), flat.

    A point is k pairs (cos, sin), each pair adjacent. The same as a Product of circles, in
    one piece.

    Args:
        num_circles: k >= 1.
    """

    scalar_curvature = 0.0

    def __init__(self, num_circles: int) -> None:
        self.dim = check_dim("FlatTorus", num_circles)
        self.ambient_dim = 2 * self.dim
        self.circle = Hypersphere(1)
        self.log_volume = self.dim * self.circle.log_volume

    @property
    def log_time_start(self) -> float:  # type: ignore[override]
        """Log t where the whole KL is 6 nats (2 where k <= 2)."""
        return self.circle._kl.log_time_at((6.0 if self.dim > 2 else 2.0) / self.dim)

    @property
    def log_time_max(self) -> float:  # type: ignore[override]
        """Log t where the whole KL is 0.1 nat."""
        return self.circle._kl.log_time_at(0.1 / self.dim)

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Each pair to its circle."""
        return self._join(self.circle.project(self._pairs(x)))

    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Each pair to its circle's tangent."""
        return self._join(self.circle.to_tangent(self._pairs(point), self._pairs(vector)))

    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Rotations."""
        return self._join(self.circle.exp(self._pairs(point), self._pairs(vector)))

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The shorter way round each circle."""
        return self._join(self.circle.log(self._pairs(point), self._pairs(other)))

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """Root of the sum of squares of the angles."""
        return safe_norm(self.circle.dist(self._pairs(a), self._pairs(b)))

    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Independent uniform angles."""
        shape = tf.concat([tf.cast(shape, tf.int32), [self.dim]], 0)
        return self._join(self.circle.random_uniform(shape, seed, dtype))

    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """Sums of k squares of whole numbers, and in how many ways."""
        return Product([self.circle] * self.dim).spectrum(num_levels)

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """k times the circle's."""
        return self.dim * self.circle.kl_exact(log_t)

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Sum of wrapped normal log densities."""
        pairs = self.circle.log_heat_kernel(self._pairs(x), self._pairs(y), log_t[..., None])
        return tf.reduce_sum(pairs, axis=-1)

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """A rotation by sqrt(t) eps of each circle."""
        return self._join(self.circle.sample_heat(self._pairs(loc), log_t[..., None], seed))

    def get_config(self) -> dict[str, Any]:
        """The number of circles."""
        return {"num_circles": self.dim}

    def _pairs(self, x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, tf.concat([tf.shape(x)[:-1], [self.dim, 2]], 0))

    def _join(self, pairs: tf.Tensor) -> tf.Tensor:
        return tf.reshape(pairs, tf.concat([tf.shape(pairs)[:-2], [self.ambient_dim]], 0))


def _kl_number(manifold: Manifold, log_t: float) -> float:
    with tf.init_scope():  # also when first asked for inside a graph
        value = tf.constant(log_t, tf.float64)
        if manifold.has_exact_kernel:
            return float(manifold.kl_exact(value))
        # the short-time formula without curvature decreases everywhere, unlike the KL it can
        # turn negative, which the true one cannot
        return max(0.0, float(manifold.kl_asymptotic(value)))
