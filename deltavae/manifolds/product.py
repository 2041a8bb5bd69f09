"""Products of manifolds, and the flat torus, the product of circles."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.geodesic_paths import Path
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.numerics import safe_norm


@keras.saving.register_keras_serializable("deltavae")
class Product(Manifold):
    """The product of manifolds: points are the factors' points, one after the other.

    Brownian motions of the factors are independent: kernels multiply, KLs add. They share one
    diffusion time, or have one each in the methods `..._by_factor`. Equal factors that follow
    each other are computed at once.

    Args:
        factors: manifolds, at least one; S^2 x S^1 is Product([Hypersphere(2), Hypersphere(1)]).
            A product among them stands for its own factors, R^d for d lines.
    """

    geodesics_name = "The closed paths of each factor"

    def __init__(self, factors: Sequence[Manifold]) -> None:
        if not isinstance(factors, list | tuple) or not factors:
            raise UserError(
                "a product has no factors",
                expected="a list of at least one manifold",
                received="an empty list" if isinstance(factors, list | tuple) else repr(factors),
            )
        for factor in factors:
            if not isinstance(factor, Manifold):
                raise UserError(
                    "a factor of a product is no manifold",
                    expected="manifolds, such as Hypersphere(1)",
                    received=repr(factor),
                )
        self._factors = tuple(part for factor in factors for part in factor.factors)
        self._runs = [(f, len(list(run))) for f, run in itertools.groupby(self._factors)]
        self.dim = sum(f.dim for f in self._factors)
        self.ambient_dim = sum(f.ambient_dim for f in self._factors)
        self.log_volume = sum(f.log_volume for f in self._factors)
        self.scalar_curvature = sum(f.scalar_curvature for f in self._factors)
        self.is_compact = all(f.is_compact for f in self._factors)
        self.has_exact_kernel = all(f.has_exact_kernel for f in self._factors)

    @property
    @override
    def factors(self) -> tuple[Manifold, ...]:
        return self._factors

    @property
    @override
    def embedding_dim(self) -> int:
        return sum(f.embedding_dim for f in self._factors)

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        return self._each(lambda f, part: f.project(part), x)

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return self._each(lambda f, p, v: f.to_tangent(p, v), point, vector)

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        return self._each(lambda f, p, v: f.exp(p, v), point, vector)

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        return self._each(lambda f, p, q: f.log(p, q), point, other)

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        parts = zip(self._runs, self._split(a), self._split(b), strict=True)
        return safe_norm(tf.concat([f.dist(x, y) for (f, _), x, y in parts], axis=-1))

    @override
    def embed(self, point: tf.Tensor) -> tf.Tensor:
        return self._each(lambda f, part: f.embed(part), point)

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        shape = tf.cast(shape, tf.int32)
        parts = zip(self._runs, self._seeds(seed), strict=True)
        return self._join(
            [f.random_uniform(tf.concat([shape, [n]], 0), s, dtype) for (f, n), s in parts]
        )

    @override
    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        return tf.add_n([n * f.kl_exact(log_t) for f, n in self._runs])

    @override
    def kl_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, form: str = "exact") -> tf.Tensor:
        parts = zip(self._runs, self._split(loc), self._split_times(log_t), strict=True)
        each = [f.kl_by_factor(p, t[..., None], form)[..., 0] for (f, _), p, t in parts]
        return tf.concat(each, axis=-1)

    @override
    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        each = self.log_heat_kernel_by_factor(x, y, self._shared(log_t))
        return tf.reduce_sum(each, axis=-1)

    @override
    def log_heat_kernel_by_factor(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        parts = zip(
            self._runs, self._split(x), self._split(y), self._split_times(log_t), strict=True
        )
        return tf.concat([f.log_heat_kernel(a, b, t) for (f, _), a, b, t in parts], axis=-1)

    @override
    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        return self.sample_heat_by_factor(loc, self._shared(log_t), seed)

    @override
    def sample_heat_by_factor(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        parts = zip(
            self._runs,
            self._split(loc),
            self._split_times(log_t),
            self._seeds(seed),
            strict=True,
        )
        return self._join([f.sample_heat(p, t, s) for (f, _), p, t, s in parts])

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        # of each factor, the others standing still
        point = np.asarray(point, np.float64)
        paths, start = [], 0
        for number, factor in enumerate(self._factors):
            part = slice(start, start + factor.ambient_dim)
            start = part.stop
            own = np.eye(factor.ambient_dim)[:2]
            for path in factor.closed_geodesics(point[part], own, num_points):
                points = np.tile(point, (num_points, 1))
                points[:, part] = path.points
                name = "circle" if factor.code_kind == "circle" else f"{path.label}, factor"
                label = f"{name} {number + 1}"
                paths.append(Path(label, points, path.closed))
        return paths

    @override
    def get_config(self) -> dict[str, Any]:
        return {"factors": [keras.saving.serialize_keras_object(f) for f in self._factors]}

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "Product":
        return cls([keras.saving.deserialize_keras_object(f) for f in config["factors"]])

    def _split(self, x: tf.Tensor) -> list[tf.Tensor]:
        """Give the points of each run of n equal factors, (..., n, their ambient_dim)."""
        widths = [n * f.ambient_dim for f, n in self._runs]
        return [
            tf.reshape(part, tf.concat([tf.shape(part)[:-1], [n, f.ambient_dim]], 0))
            for (f, n), part in zip(self._runs, tf.split(x, widths, axis=-1), strict=True)
        ]

    def _join(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        """Undo `_split`, whatever the size of a factor's part now is."""
        return tf.concat(
            [
                tf.reshape(part, tf.concat([tf.shape(part)[:-2], [n * part.shape[-1]]], 0))
                for (_, n), part in zip(self._runs, parts, strict=True)
            ],
            axis=-1,
        )

    def _each(self, function: Callable[..., tf.Tensor], *values: tf.Tensor) -> tf.Tensor:
        parts = zip(self._runs, *(self._split(value) for value in values), strict=True)
        return self._join([function(f, *part) for (f, _), *part in parts])

    def _shared(self, log_t: tf.Tensor) -> tf.Tensor:
        shape = tf.concat([tf.shape(log_t), [self.num_factors]], 0)
        return tf.broadcast_to(log_t[..., None], shape)

    def _split_times(self, log_t: tf.Tensor) -> list[tf.Tensor]:
        return tf.split(log_t, [n for _, n in self._runs], axis=-1)

    def _seeds(self, seed: Seed) -> list[tf.Tensor]:
        count = len(self._runs)
        return [seed] if count == 1 else tf.unstack(tf.random.split(seed, count), num=count)

    def __repr__(self) -> str:
        return " x ".join(map(repr, self._factors))


@keras.saving.register_keras_serializable("deltavae")
class FlatTorus(Product):
    """The product of unit circles (S^1)^k in R^(2k), flat.

    A point is k pairs (cos, sin), each pair adjacent.

    Args:
        num_circles: k >= 1.
    """

    geodesics_name = "The circles of the torus"

    def __init__(self, num_circles: int) -> None:
        super().__init__([Hypersphere(1)] * check_dim("FlatTorus", num_circles))

    @override
    def get_config(self) -> dict[str, Any]:
        return {"num_circles": self.num_factors}

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "FlatTorus":
        return cls(**config)

    def __repr__(self) -> str:
        return f"FlatTorus(num_circles={self.num_factors})"
