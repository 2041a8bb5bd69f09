"""MCC: mean correlation of factors with codes under the best one-to-one matching.

The score of the identifiability literature (Hyvarinen and Morioka, NeurIPS 2016). Each factor is
matched with a code of its own so that the sum of absolute correlations is largest, and the score
is the mean over factors; a factor that finds no code, where there are fewer codes, counts as 0.
Values of a factor count by their number, in their order.

A factor on a circle has no number without a cut, so two of the correlations are circular in
`mcc_circular`: two angles by Fisher and Lee (Biometrika 70(2), 1983), which is

    |mean of e^{i(a - b)}|^2 - |mean of e^{i(a + b)}|^2

where both cover their circles evenly, and Pearson's for angles that vary little; and a code on a
circle with a factor on a line by the multiple correlation of the factor with cosine and sine
(Mardia 1976).
"""

from __future__ import annotations

import numpy as np
import scipy.stats
from scipy.optimize import linear_sum_assignment

from deltavae.scoring.circular_codes import Coordinates


def mean_correlation(correlations: np.ndarray) -> float:
    """The score of absolute correlations (factors, codes)."""
    rows, columns = linear_sum_assignment(correlations, maximize=True)
    return float(correlations[rows, columns].sum() / len(correlations))


def pearson(factors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Absolute correlations (f, k) of columns (n, f) and (n, k); 0 for a constant column."""
    return np.abs(_standardised(factors).T @ _standardised(codes))


def spearman(factors: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """As `pearson`, of ranks."""
    return pearson(scipy.stats.rankdata(factors, axis=0), scipy.stats.rankdata(codes, axis=0))


def circular(factors: np.ndarray, angles: dict[int, np.ndarray], codes: Coordinates) -> np.ndarray:
    """As `pearson`, circular where a factor or a code is on a circle.

    A factor on a circle and a code on a line are correlated by the factor's number, as in
    `pearson`: a line cannot hold a circle.

    Args:
        factors: (n, f).
        angles: by column of `factors`, the angle of each point in radians, (n,).
        codes: the codes, pairs on circles as angles.
    """
    result = pearson(factors, codes.values)
    for j in np.flatnonzero(codes.is_angle):
        code = codes.values[:, j]
        for i in range(factors.shape[1]):
            if i in angles:
                result[i, j] = abs(fisher_lee(angles[i], code))
            else:
                result[i, j] = _multiple_correlation(factors[:, i], code)
    return result


def fisher_lee(first: np.ndarray, second: np.ndarray) -> float:
    """Correlation in [-1, 1] of two angles (n,) in radians, 1 for equal turns, -1 for opposite.

    The sum over pairs of points of sin(a_i - a_j) sin(b_i - b_j), scaled as a correlation; no
    mean direction is needed, which angles all round a circle don't have. 0 if one is constant.
    """

    def moment(angle: np.ndarray) -> complex:
        return complex(np.exp(1j * angle).mean())

    # the sum over pairs in terms of means: sin x sin y = (cos(x - y) - cos(x + y)) / 2
    joint = abs(moment(first - second)) ** 2 - abs(moment(first + second)) ** 2
    own = (1 - abs(moment(2 * first)) ** 2) * (1 - abs(moment(2 * second)) ** 2)
    return float(joint / np.sqrt(own)) if own > 1e-12 else 0.0


def _multiple_correlation(line: np.ndarray, angle: np.ndarray) -> float:
    """Correlation of a line with its least-squares fit on cosine and sine of an angle."""
    predictors = np.stack([np.ones_like(angle), np.cos(angle), np.sin(angle)], axis=1)
    weights = np.linalg.lstsq(predictors, line.astype(np.float64), rcond=None)[0]
    return float(pearson(line[:, None], (predictors @ weights)[:, None])[0, 0])


def _standardised(columns: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and length 1; a constant column is 0."""
    centred = columns - columns.mean(axis=0, dtype=np.float64)
    length = np.linalg.norm(centred, axis=0)
    rounding = 1e-7 * np.linalg.norm(columns.astype(np.float64), axis=0)
    return np.where(length > rounding, centred / np.where(length > 0, length, 1.0), 0.0)
