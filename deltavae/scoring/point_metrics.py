"""Metrics that disentanglement_lib does not have, computed on one sample of images.

No image is in the sample twice: the nearest neighbours of InfoMEC would be copies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data.batches import map_batches
from deltavae.scoring.circular_codes import Circles, coordinates
from deltavae.scoring.draws import IndexedData, distinct_images, require_varying


class Points(NamedTuple):
    """Factors (n, f) and codes (n, k) of n images, and what is known of both.

    angles: by column of `factors`, the angle of each point in radians, times its symmetry.
    circles: which codes hold an angle.
    discrete: whether codes are categories.
    """

    factors: np.ndarray
    codes: np.ndarray
    angles: dict[int, np.ndarray]
    circles: Circles
    discrete: bool
    seed: int


def sample_points(
    data: IndexedData | GroundTruthData,
    represent: Callable[[np.ndarray], np.ndarray],
    circles: Circles,
    discrete: bool,
    seed: int,
) -> Points:
    """Draws images, as many as MIG does or all that there are, and encodes them.

    To be called within `metric_settings`.

    Raises:
        UserError: a factor has one value among these images.
    """
    random_state = np.random.RandomState(seed)
    images = distinct_images(data, random_state)
    require_varying(data, data.factors(images))
    codes = map_batches(lambda part: represent(data.observations(part, random_state)), images)
    index = data if isinstance(data, IndexedData) else IndexedData.of(data)
    factors = data.factors(images)
    columns = {name: list(index.names).index(name) for name in index.angles}
    angles = {
        column: index.symmetries[name] * index.angles[name][factors[:, column]]
        for name, column in columns.items()
    }
    return Points(factors, codes, angles, circles, discrete, seed)


def _infomec(points: Points) -> dict[str, float]:
    from deltavae.scoring.infomec import infomec  # brings scikit-learn

    found = infomec(points.factors, points.codes, discrete=points.discrete, seed=points.seed)
    return {
        "infom": found.modularity,
        "infoc": found.compactness,
        "infoe": found.explicitness,
        "active_codes": float(found.active.sum()),
    }


def _mcc(points: Points) -> dict[str, float]:
    from deltavae.scoring.mcc import circular, mean_correlation, pearson, spearman  # and SciPy

    on_circles = coordinates(points.codes, points.circles)
    return {
        "mcc": mean_correlation(pearson(points.factors, points.codes)),
        "mcc_spearman": mean_correlation(spearman(points.factors, points.codes)),
        "mcc_circular": mean_correlation(circular(points.factors, points.angles, on_circles)),
    }


POINT_METRICS: dict[str, Callable[[Points], dict[str, float]]] = {
    "infomec": _infomec,
    "mcc": _mcc,
}
