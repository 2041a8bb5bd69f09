"""The points that boosted trees are grown on, sorted along each feature once for all trees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deltavae.scoring.boosted_trees.kernels import FEATURE_THRESHOLD

# Into how many blocks an order is cut: many take long to go through, few bound gains loosely.
BLOCKS = 96


class Points(NamedTuple):
    """Training points for the kernels, n of them and f features, sorted and cut into blocks.

    orders: (f, n) the points in ascending order of each feature.
    columns: (f, n) float32, the features in the order of the points.
    weight: (n,) how often each point occurs.
    starts: (f, blocks + 1) the places in a feature's order where its blocks start.
    block_of: (n, f) number of the point's block, counted over all features.
    mixed: (f, blocks) whether the block has a place to split at between two of its points.
    """

    orders: np.ndarray
    columns: np.ndarray
    weight: np.ndarray
    starts: np.ndarray
    block_of: np.ndarray
    mixed: np.ndarray

    @classmethod
    def of(cls, columns: np.ndarray, weight: np.ndarray) -> Points:
        """Sorts the columns (f, n), and cuts between values that differ by more than a tie."""
        num_features, n = columns.shape
        orders = np.argsort(columns, axis=1, kind="stable")
        starts = np.full((num_features, BLOCKS + 1), n)
        starts[:, 0] = 0
        block_of = np.empty((n, num_features), _smallest(num_features * BLOCKS))
        mixed = np.zeros((num_features, BLOCKS), bool)
        for f, order in enumerate(orders):
            ascending = columns[f, order]
            places = 1 + np.flatnonzero(ascending[1:] > ascending[:-1] + FEATURE_THRESHOLD)
            even = np.searchsorted(places, np.arange(1, BLOCKS) * n // BLOCKS)
            cuts = places[np.unique(even[even < len(places)])]
            starts[f, 1 : len(cuts) + 1] = cuts
            block = np.searchsorted(cuts, np.arange(n), side="right")
            block_of[order, f] = f * BLOCKS + block
            mixed[f, block[np.setdiff1d(places, cuts)]] = True
        return cls(orders.astype(_smallest(n)), columns, weight, starts, block_of, mixed)


@dataclass(frozen=True)
class Problem:
    """Training points, shared by every factor.

    Identical rows become one point with a multiplicity: a metric draws its 10,000 points with
    replacement, and its factors are functions of the image. `fit` is given one label for each
    row of the original, and rows that are alike in codes but not in label stay apart.
    """

    points: Points
    first: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, labels: np.ndarray) -> Problem:
        """Presorts `x` (n, features; cast to float32), merging rows equal in x and labels (n, l).

        Raises:
            ValueError: x isn't a finite matrix with a label row for each of its rows.
        """
        x = np.ascontiguousarray(x, np.float32)
        if x.ndim != 2 or len(labels) != len(x) or not np.isfinite(x).all():
            raise ValueError(f"expected finite points (n, features) and n labels, got {x.shape}")
        rows = np.concatenate([x.view(np.int32), labels.astype(np.int32)], axis=1)
        keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * 4))).ravel()
        _, first, inverse, count = np.unique(
            keys, return_index=True, return_inverse=True, return_counts=True
        )
        points = Points.of(np.ascontiguousarray(x[first].T), count.astype(np.float64))
        return cls(points=points, first=first, inverse=inverse)


def _smallest(count: int) -> type[np.unsignedinteger]:
    """The smaller of two types for numbers below `count`: less memory is walked through."""
    return np.uint16 if count <= 1 << 16 else np.uint32
