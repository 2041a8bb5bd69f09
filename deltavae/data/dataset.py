"""Images with known factors of variation, as training and the metrics use them."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from typing_extensions import override

from deltavae.data.cache import content_of
from deltavae.errors import UserError

_SAMPLE = 256


@dataclass(frozen=True)
class Factor:
    """One ground-truth factor of variation.

    Attributes:
        name: as it appears in tables and in `r2_<name>`.
        size: how many values it takes; values are the integers 0 .. size - 1.
        symmetry: None for a factor on a line. For one on a circle, how often a full turn
            repeats the image: 1 if every value looks different, 2 for an ellipse's
            orientation.
        labels: what each value means, or empty.
        nuisance: the images vary with it, but it is no latent factor: it is drawn at random
            whenever an image is asked for by its factors.
        angles: for a factor on a circle, the angle in radians of each value; by default equal
            steps of a full turn.
    """

    name: str
    size: int
    symmetry: int | None = None
    labels: tuple[str, ...] = ()
    nuisance: bool = False
    angles: tuple[float, ...] = ()


class GroundTruthData(ABC):
    """Images with ground-truth factors, and the sampling protocol of disentanglement_lib.

    The methods `sample*` consume a `numpy.random.RandomState` call for call as that library's
    class of the same dataset does, so that one seed gives the same factors and the same images
    in both. Everything else is by index: image `i` belongs to the `i`-th combination of the
    grid, last factor fastest, or to row `i` of `table`, where there is one.

    Args:
        name: the dataset's name.
        grid: every factor that the images vary with, slowest first.
        image_shape: (height, width, channels).

    Attributes:
        is_stochastic: whether an image also has a random part.
        is_grid: whether every combination of the factors' values has exactly one image, which
            interventions need.
        table: the factors of every image, int64 (num_images, num_factors); None where images
            are in the order of the grid.
        warnings: what whoever trains or scores on this dataset should know, a line each.
    """

    name: str
    grid: tuple[Factor, ...]
    image_shape: tuple[int, ...]
    is_stochastic = False
    is_grid = True
    table: np.ndarray | None = None
    warnings: tuple[str, ...] = ()
    _gaps = ""

    def __init__(self, name: str, grid: Sequence[Factor], image_shape: Sequence[int]) -> None:
        self.name = name
        self.grid = tuple(grid)
        self.image_shape = tuple(int(n) for n in image_shape)
        self.grid_sizes = np.array([factor.size for factor in self.grid], np.int64)
        self.latent_factor_indices = [i for i, f in enumerate(self.grid) if not f.nuisance]

    @property
    def _latent(self) -> list[Factor]:
        return [self.grid[i] for i in self.latent_factor_indices]

    @property
    def factor_names(self) -> tuple[str, ...]:
        """Return the names of the latent factors, in the order of a factor vector's entries."""
        return tuple(factor.name for factor in self._latent)

    @property
    def factor_sizes(self) -> list[int]:
        """Return how many values each latent factor takes."""
        return [factor.size for factor in self._latent]

    @property
    def factors_num_values(self) -> list[int]:
        """Return `factor_sizes`, under disentanglement_lib's name."""
        return self.factor_sizes

    @property
    def num_factors(self) -> int:
        """Return how many latent factors there are."""
        return len(self.latent_factor_indices)

    @property
    def num_images(self) -> int:
        """Return how many images there are."""
        return int(np.prod(self.grid_sizes))

    @property
    def observation_shape(self) -> list[int]:
        """Return `image_shape`, under disentanglement_lib's name."""
        return list(self.image_shape)

    @property
    def periodic(self) -> dict[str, int]:
        """Return the factors that live on a circle, with their order of symmetry (1: none)."""
        return {f.name: f.symmetry for f in self._latent if f.symmetry is not None}

    @property
    def value_labels(self) -> dict[str, tuple[str, ...]]:
        """Return what the values of a factor mean, for the factors where that is known."""
        return {f.name: f.labels for f in self._latent if f.labels}

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256, hexadecimal, of what the dataset contains, whatever it is called.

        Two datasets with equal digests have the same images at the same indices, with the same
        factors: their names, order, numbers of values, angles and symmetries. Labels and paths
        don't count. Cheap: the digest of a large array is kept beside it on disk.
        """
        described = {
            "format": 1,
            "image_shape": self.image_shape,
            "stochastic": self.is_stochastic,
            "factors": [
                [
                    factor.name,
                    factor.size,
                    factor.symmetry,
                    factor.nuisance,
                    None if factor.symmetry is None else np.round(_angles(factor), 9).tolist(),
                ]
                for factor in self.grid
            ],
            "images": self._images_digest(),
        }
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()

    def _images_digest(self) -> str:
        """Of `_SAMPLE` images: enough where a formula draws them all."""
        sample = np.unique(np.linspace(0, self.num_images - 1, _SAMPLE).astype(np.int64))
        return hashlib.sha256(self.images(sample).tobytes()).hexdigest()

    def angles(self, factor_name: str) -> np.ndarray:
        """Return the angle in radians of each value of a periodic factor, float64 (size,)."""
        for factor in self._latent:
            if factor.name == factor_name and factor.symmetry is not None:
                return _angles(factor)
        raise UserError(
            f"{self.name} has no periodic factor {factor_name!r}",
            expected=f"one of {sorted(self.periodic)}" if self.periodic else "none: it has none",
        )

    @abstractmethod
    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        """Return the images at `indices` (n,), uint8 (n, height, width, channels) in 0 .. 255.

        Args:
            indices: integers in [0, num_images), any order, repeats allowed.
            random_state: source of the random part of a stochastic dataset (`is_stochastic`);
                by default one with seed 0. Other datasets don't use it.
        """

    def factors(self, indices: np.ndarray) -> np.ndarray:
        """Return the latent factors of the images at `indices` (n,), int64 (n, num_factors)."""
        indices = np.asarray(indices, np.int64)
        columns = np.unravel_index(indices, tuple(self.grid_sizes))
        return np.stack(columns, axis=-1).astype(np.int64)[:, self.latent_factor_indices]

    def index_of(self, factors: np.ndarray) -> np.ndarray:
        """Return the index of the image with these factors, int64 (n,); nuisance factors are 0.

        Args:
            factors: integers (n, num_factors).
        """
        full = np.zeros((len(factors), len(self.grid)), np.int64)
        full[:, self.latent_factor_indices] = factors
        return self._index_of_full(full)

    def indices_from_factors(
        self, factors: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Return the index of an image with these factors, int64 (n,), nuisance ones drawn."""
        full = np.zeros((len(factors), len(self.grid)), np.int64)
        full[:, self.latent_factor_indices] = factors
        for i, factor in enumerate(self.grid):
            if factor.nuisance:
                full[:, i] = random_state.randint(factor.size, size=len(factors))
        return self._index_of_full(full)

    def _index_of_full(self, full: np.ndarray) -> np.ndarray:
        if np.any(full < 0) or np.any(full >= self.grid_sizes):
            raise UserError(
                f"factor values outside the grid of {self.name}",
                expected=f"0 <= value < {self.grid_sizes.tolist()}",
                received=f"{full.min(axis=0).tolist()} to {full.max(axis=0).tolist()}",
            )
        return np.ravel_multi_index(tuple(full.T), tuple(self.grid_sizes)).astype(np.int64)

    def require_grid(self, what: str) -> None:
        """Raise `UserError` unless this is a grid; `what` is what needs one, for the message."""
        if not self.is_grid:
            raise UserError(
                f"{what} needs a full grid of factors, which {self.name} is not",
                expected="exactly one image for every combination of the factors' values",
                received=self._gaps,
            )

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draw factors uniformly, int64 (num, num_factors)."""
        factors = np.zeros((num, self.num_factors), np.int64)
        for i, factor in enumerate(self._latent):
            factors[:, i] = random_state.randint(factor.size, size=num)
        return factors

    def sample_observations_from_factors(
        self, factors: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Return images with these factors, float32 (n, height, width, channels) in [0, 1]."""
        indices = self.indices_from_factors(factors, random_state)
        return self.observations(indices, random_state)

    def observations(self, indices: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """Return the images at `indices` as float32 in [0, 1], with the random part drawn."""
        return self.images(indices, random_state) / np.float32(255.0)

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw factors and images with them."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draw images, float32 (num, height, width, channels) in [0, 1]."""
        return self.sample(num, random_state)[1]


class ArrayData(GroundTruthData):
    """A dataset whose images lie in one array, in memory or memory-mapped.

    Args:
        name: the dataset's name.
        grid: the factors, slowest first.
        array: uint8 (num_images, height, width, channels).
        rows: the row of each image of the grid, or None if they are in its order.
    """

    def __init__(
        self,
        name: str,
        grid: Sequence[Factor],
        array: np.ndarray,
        rows: np.ndarray | None = None,
    ) -> None:
        super().__init__(name, grid, array.shape[1:])
        if len(array) != self.num_images or array.dtype != np.uint8 or array.ndim != 4:
            raise UserError(
                f"the images of {name} don't fit its factors",
                expected=f"uint8 ({self.num_images}, height, width, channels)",
                received=f"{array.dtype} {array.shape}",
            )
        self._array, self._rows = array, rows

    @override
    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        return np.take(self._array, indices if self._rows is None else self._rows[indices], axis=0)

    @override
    def _images_digest(self) -> str:
        return digest_of(self._array, self._rows, super()._images_digest())


def _angles(factor: Factor) -> np.ndarray:
    if factor.angles:
        return np.asarray(factor.angles, np.float64)
    return 2.0 * np.pi * np.arange(factor.size) / factor.size


def digest_of(array: np.ndarray, table: np.ndarray | None, sample: str) -> str:
    """Of an array, of a table of integers that belongs to it, and of a sample of the images."""
    digest = hashlib.sha256(f"{content_of(array).sha256} {sample}".encode())
    if table is not None:
        digest.update(np.ascontiguousarray(table, "<i8").data)
    return digest.hexdigest()
