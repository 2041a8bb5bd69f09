"""The images that a metric draws, as numbers of rows: codes are made once, not once a draw.

disentanglement_lib's metrics draw factors, ask for the images, and hand those to the
representation. They never look into an image, so an `IndexedData` gives them the image's
number instead and `Codes` looks the code up. The random draws are the same, call for call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.errors import UserError
from deltavae.scoring.library_adaptor import library, metric_settings


@dataclass
class IndexedData:
    """A data set whose images are their own numbers, int64, in the order of its index.

    Args:
        sizes: number of values of every factor that the images vary with, slowest first.
        latent: which of them the metrics may ask for; the rest, nuisances, are drawn at random.
        names: names of the latent factors.
        angles: for each periodic factor, the angle in radians of each of its values.
        symmetries: for each periodic factor, how often a turn repeats the image.
    """

    sizes: Sequence[int]
    latent: Sequence[int]
    names: Sequence[str]
    angles: dict[str, np.ndarray] = field(default_factory=dict)
    symmetries: dict[str, int] = field(default_factory=dict)
    is_grid = True

    @classmethod
    def of(cls, data: GroundTruthData) -> IndexedData:
        """The index of a `deltavae.data.GroundTruthData`."""
        angles = {name: data.angles(name) for name in data.periodic}
        if data.table is not None:
            return TableData(data.table, data.factor_names, angles, data.periodic)
        return cls(
            sizes=[int(size) for size in data.grid_sizes],
            latent=list(data.latent_factor_indices),
            names=list(data.factor_names),
            angles=angles,
            symmetries=data.periodic,
        )

    @property
    def num_images(self) -> int:
        """How many images there are."""
        return int(np.prod(self.sizes))

    @property
    def num_factors(self) -> int:
        """How many factors are latent."""
        return len(self.latent)

    @property
    def factors_num_values(self) -> list[int]:
        """Number of values of each latent factor."""
        return [self.sizes[i] for i in self.latent]

    def observations(self, indices: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        """What stands for the images at `indices`: their numbers."""
        return indices

    def factors(self, indices: np.ndarray) -> np.ndarray:
        """Latent factors of the images at `indices`, int64 (n, num_factors)."""
        return np.stack(np.unravel_index(indices, tuple(self.sizes)), 1)[:, self.latent]

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draws factors as the library's data sets do."""
        columns = [random_state.randint(self.sizes[i], size=num) for i in self.latent]
        return np.stack(columns, axis=1).astype(np.int64)

    def sample_observations_from_factors(
        self, factors: np.ndarray, random_state: np.random.RandomState
    ) -> np.ndarray:
        """Numbers of images with these factors, the nuisances drawn at random."""
        full = np.zeros((len(factors), len(self.sizes)), np.int64)
        full[:, self.latent] = factors
        for i in range(len(self.sizes)):
            if i not in self.latent:
                full[:, i] = random_state.randint(self.sizes[i], size=len(factors))
        return self.rows(full)

    def rows(self, full: np.ndarray) -> np.ndarray:
        """Numbers of the images with these values of all factors, (..., number of factors)."""
        return np.asarray(np.ravel_multi_index(tuple(np.moveaxis(full, -1, 0)), tuple(self.sizes)))

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws factors and numbers of images with them."""
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        """Draws numbers of images."""
        return self.sample(num, random_state)[1]


class TableData(IndexedData):
    """Codes with a table of factors beside them and no data set.

    A table that covers every combination once is a grid in any order. Any other is sampled row
    by row; metrics that must change one factor and keep the others (FactorVAE, beta-VAE) can't
    be computed on it, because the image that they ask for need not exist.

    Args:
        table: integers (n, factors), any values.
        names: names of the factors; by default factor_0 and so on.
        angles, symmetries: as for `IndexedData`.
    """

    def __init__(
        self,
        table: np.ndarray,
        names: Sequence[str] | None = None,
        angles: dict[str, np.ndarray] | None = None,
        symmetries: dict[str, int] | None = None,
    ) -> None:
        columns = [np.unique(column, return_inverse=True)[1] for column in table.T]
        self._table = np.stack(columns, axis=1).astype(np.int64)
        sizes = [int(column.max()) + 1 for column in columns]
        super().__init__(
            sizes,
            list(range(len(sizes))),
            list(names or [f"factor_{i}" for i in range(len(sizes))]),
            angles or {},
            symmetries or {},
        )
        possible = math.prod(sizes)  # may be too large for 64 bits
        self.is_grid = len(table) == possible == len(np.unique(self._table, axis=0))
        self._row_of = np.argsort(super().rows(self._table)) if self.is_grid else None

    @property
    def num_images(self) -> int:
        """How many rows the table has."""
        return len(self._table)

    def factors(self, indices: np.ndarray) -> np.ndarray:
        """Factors of the rows at `indices`."""
        return self._table[indices]

    def rows(self, full: np.ndarray) -> np.ndarray:
        """Rows with these factors."""
        if self._row_of is None:
            raise UserError(
                "this metric changes one factor and keeps the others",
                expected="factors that cover every combination exactly once",
                received=f"{len(self._table)} rows for {math.prod(self.sizes)} combinations",
            )
        return self._row_of[super().rows(full)]

    def sample(
        self, num: int, random_state: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draws rows and their factors."""
        if self._row_of is not None:
            return super().sample(num, random_state)
        rows = random_state.randint(len(self._table), size=num)
        return self._table[rows], rows


def distinct_images(
    data: IndexedData | GroundTruthData, random_state: np.random.RandomState
) -> np.ndarray:
    """Numbers of as many images as MIG draws, none twice, ascending; within `metric_settings`."""
    num = library().gin.query_parameter("mig.num_train")
    return np.sort(random_state.permutation(data.num_images)[:num])


def require_varying(data: IndexedData | GroundTruthData, factors: np.ndarray) -> None:
    """Raise `UserError` if a factor has one value among the points that were drawn.

    Args:
        data: what was drawn from.
        factors: of the points, (n, num_factors).
    """
    constant = np.flatnonzero(np.ptp(factors, axis=0) == 0)
    if not len(constant):
        return
    index = data if isinstance(data, IndexedData) else IndexedData.of(data)
    column = constant[0]
    counts = np.bincount(index.factors(np.arange(index.num_images))[:, column])
    missed = np.argsort(np.where(np.arange(len(counts)) == factors[0, column], 0, -counts))[0]
    raise UserError(
        f"factor {index.names[column]} has one value among the {len(factors):,} points drawn",
        expected="two values or more, since this metric compares them",
        received=f"its value number {factors[0, column]} alone, counted from 0; number {missed}, "
        f"the next most frequent, has {counts[missed]:,} of {index.num_images:,} images",
        advice="Leave this factor out, or give its rare values more images.",
    )


# What each metric draws, before it computes anything: (number of points, batch size) calls.
def _points(*names: str, batch: str | None = None) -> Callable:
    def draw(data: IndexedData, record: Callable, random_state: np.random.RandomState) -> None:
        lib = library()
        size = lib.gin.query_parameter(batch) if batch else 16
        for name in names:
            lib.utils.generate_batch_factor_code(
                data, record, lib.gin.query_parameter(name), random_state, size
            )

    return draw


def _factor_vae(data: IndexedData, record: Callable, random_state: np.random.RandomState) -> None:
    lib = library()
    query = lib.gin.query_parameter
    num = query("factor_vae_score.num_variance_estimate")
    lib.factor_vae._compute_variances(data, record, num, random_state)
    votes = query("factor_vae_score.num_train") + query("factor_vae_score.num_eval")
    batch, one = query("factor_vae_score.batch_size"), np.ones(1)
    lib.factor_vae._generate_training_batch(
        data, record, batch, votes, random_state, one, one.astype(bool)
    )


def _beta_vae(data: IndexedData, record: Callable, random_state: np.random.RandomState) -> None:
    lib = library()
    query = lib.gin.query_parameter
    votes = query("beta_vae_sklearn.num_train") + query("beta_vae_sklearn.num_eval")
    lib.beta_vae._generate_training_batch(
        data, record, query("beta_vae_sklearn.batch_size"), votes, random_state
    )


def _downstream(data: IndexedData, record: Callable, random_state: np.random.RandomState) -> None:
    lib = library()
    for num_train in lib.gin.query_parameter("downstream_task.num_train"):
        for num in (num_train, lib.gin.query_parameter("downstream_task.num_test")):
            lib.utils.generate_batch_factor_code(data, record, num, random_state, 16)


def _distinct(data: IndexedData, record: Callable, random_state: np.random.RandomState) -> None:
    record(distinct_images(data, random_state))


DRAWS: dict[str, Callable] = {
    "factor_vae_metric": _factor_vae,
    "dci": _points("dci.num_train", "dci.num_test"),
    "mig": _points("mig.num_train"),
    "sap_score": _points("sap_score.num_train", "sap_score.num_test"),
    "irs": _points("irs.num_train", batch="irs.batch_size"),
    "beta_vae": _beta_vae,
    "modularity_explicitness": _points(
        "modularity_explicitness.num_train", "modularity_explicitness.num_test"
    ),
    "unsupervised": _points("unsupervised_metrics.num_train"),
    "downstream_logistic_regression": _downstream,
    "downstream_boosted_trees": _downstream,
    "dci_forest": _points("dci.num_train", "dci.num_test"),
    "mig_circular": _points("mig.num_train"),
    "infomec": _distinct,
    "mcc": _distinct,
}


def drawn_images(
    data: IndexedData, metrics: Sequence[str], settings: str, seeds: Sequence[int]
) -> np.ndarray:
    """The distinct images that these metrics will ask for, ascending.

    Args:
        metrics: keys of `DRAWS`.
        settings: one of `library_adaptor.SETTINGS`.
        seeds: the seeds that the metrics will be run with.
    """
    drawn = np.zeros(data.num_images, bool)

    def record(indices: np.ndarray) -> np.ndarray:
        drawn[indices] = True
        return np.zeros((len(indices), 1))

    with metric_settings(settings):
        for metric in dict.fromkeys(metrics):
            for seed in seeds:
                DRAWS[metric](data, record, np.random.RandomState(seed))
                if drawn.all():
                    return np.arange(data.num_images)
    return np.flatnonzero(drawn)
