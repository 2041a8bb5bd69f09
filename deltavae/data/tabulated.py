"""Images with a table of factors: one row per image, in any order."""

import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from typing_extensions import override

from deltavae.data.dataset import Factor, GroundTruthData, digest_of
from deltavae.errors import UserError


class TabulatedData(GroundTruthData):
    """A dataset whose image `i` has the factors in row `i` of a table.

    It is a grid if every combination of the factors' values has exactly one row. Otherwise
    factors are drawn from the rows, and an intervention (an image with given factors, which
    metrics that hold one factor fixed or change one at a time ask for) is a `UserError`.

    Args:
        name: the dataset's name.
        factors: the columns of the table.
        array: uint8 (n, height, width, channels).
        table: values of the factors, integers (n, factors) in [0, size).
        warnings: for `GroundTruthData.warnings`.
    """

    table: np.ndarray

    def __init__(
        self,
        name: str,
        factors: Sequence[Factor],
        array: np.ndarray,
        table: np.ndarray,
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__(name, factors, array.shape[1:])
        self.warnings = tuple(warnings)
        self.table = np.ascontiguousarray(table, np.int64)
        self._array = array
        sizes = np.asarray([factor.size for factor in factors])
        if self.table.shape != (len(array), len(sizes)) or np.any(
            (self.table < 0) | (self.table >= sizes)
        ):
            raise UserError(
                f"the table of {name} doesn't fit its images and factors",
                expected=f"({len(array)}, {len(sizes)}) integers, 0 <= value < {sizes.tolist()}",
                received=f"{self.table.shape}, at most {self.table.max(axis=0).tolist()}",
            )
        self._combinations = len(np.unique(self.table, axis=0))
        possible = math.prod(sizes.tolist())
        self.is_grid = len(array) == self._combinations == possible
        self._gaps = (
            f"{len(array):,} images for {possible:,} combinations, "
            f"{possible - self._combinations:,} of them without an image and "
            f"{len(array) - self._combinations:,} images that repeat one"
        )

    @property
    @override
    def num_images(self) -> int:
        return len(self.table)

    @override
    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        return np.take(self._array, indices, axis=0)

    @override
    def factors(self, indices: np.ndarray) -> np.ndarray:
        return self.table[np.asarray(indices, np.int64)]

    @override
    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        if self.is_grid:
            return super().sample_factors(num, random_state)
        return self.table[random_state.randint(self.num_images, size=num)]

    @override
    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        if self.is_grid:
            return super().sample(num, random_state)
        rows = random_state.randint(self.num_images, size=num)
        return self.table[rows], self.observations(rows, random_state)

    @override
    def indices_from_factors(
        self, factors: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        self.require_grid("an image with given factors")
        return super().indices_from_factors(factors, random_state)

    @cached_property
    def _first_rows(self) -> dict[tuple[int, ...], int]:
        """By combination of factors: the first row that has it."""
        rows = enumerate(map(tuple, self.table[::-1].tolist()), start=1)
        return {combination: self.num_images - i for i, combination in rows}

    @override
    def _index_of_full(self, full: np.ndarray) -> np.ndarray:
        wanted = [tuple(row) for row in np.asarray(full, np.int64).tolist()]
        missing = next((row for row in wanted if row not in self._first_rows), None)
        if missing is not None:
            raise UserError(
                f"no image of {self.name} has the factors {list(missing)}",
                expected=f"one of the {self._combinations:,} combinations in its table",
            )
        return np.array([self._first_rows[row] for row in wanted], np.int64)

    @override
    def _images_digest(self) -> str:
        return digest_of(self._array, self.table, super()._images_digest())
