"""Images whose factors are known but don't fill a grid."""

from collections.abc import Sequence

import numpy as np
from typing_extensions import override

from deltavae.data.dataset import Factor, GroundTruthData, digest_of
from deltavae.errors import UserError


class IncompleteData(GroundTruthData):
    """A set with a table of factors in which combinations are missing or repeated.

    Factors are drawn from the table's rows. Asking for a combination that no image shows is
    an error, so metrics that hold one factor fixed or change one at a time can't be had.

    Args:
        name: the set's name.
        factors: the columns of the table.
        array: uint8 (n, height, width, channels).
        table: the factors' values, integers (n, factors).
    """

    is_grid = False

    def __init__(
        self, name: str, factors: Sequence[Factor], array: np.ndarray, table: np.ndarray
    ) -> None:
        super().__init__(name, factors, array.shape[1:])
        self._array, self._table = array, table
        combinations, group = np.unique(table, axis=0, return_inverse=True)
        self._rows = np.argsort(group, kind="stable")
        counts = np.bincount(group)
        starts = np.cumsum(counts) - counts
        self._groups = {
            tuple(row): (start, count)
            for row, start, count in zip(combinations.tolist(), starts, counts, strict=True)
        }

    @property
    def num_images(self) -> int:
        """How many images there are."""
        return len(self._table)

    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        """The images at `indices`; see the base class."""
        return np.take(self._array, indices, axis=0)

    def factors(self, indices: np.ndarray) -> np.ndarray:
        """The factors of the images at `indices`, int64 (n, num_factors)."""
        return self._table[np.asarray(indices, np.int64)]

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """The factors of `num` images drawn uniformly."""
        return self._table[random_state.randint(self.num_images, size=num)]

    def index_of(self, factors: np.ndarray) -> np.ndarray:
        """Index of the first image with these factors, int64 (n,)."""
        return self._rows[[start for start, _ in self._find(factors)]]

    def indices_from_factors(
        self, factors: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Index of an image with these factors, int64 (n,), drawn among equals."""
        found = np.array(self._find(factors))
        return self._rows[found[:, 0] + random_state.randint(found[:, 1])]

    @override
    def _images_digest(self) -> str:
        return digest_of(self._array, self._table, super()._images_digest())

    def _find(self, factors: np.ndarray) -> list[tuple[int, int]]:
        wanted = [tuple(row) for row in np.asarray(factors, np.int64).tolist()]
        missing = next((row for row in wanted if row not in self._groups), None)
        if missing is not None:
            raise UserError(
                f"no image of {self.name} has the factors {list(missing)}",
                expected=f"one of the {len(self._groups)} combinations in its table",
                advice="Metrics that set factors freely need every combination.",
            )
        return [self._groups[row] for row in wanted]
