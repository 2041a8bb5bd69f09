"""InfoMEC: modularity, explicitness and compactness from mutual information.

Hsu et al., Disentanglement via latent quantization (NeurIPS 2023), in the form of Tripod (Hsu et
al., ICML 2024), where codes that hardly vary are left out. With NMI_ij the mutual information of
factor i and code j over the entropy of factor i, for f factors and k active codes:

    InfoM = (mean over j of max_i NMI_ij / sum_i NMI_ij - 1 / f) / (1 - 1 / f)
    InfoC = (mean over i of max_j NMI_ij / sum_j NMI_ij - 1 / k) / (1 - 1 / k)
    InfoE = mean over i of 1 - H(factor i | codes) / H(factor i)

with the entropies of InfoE those that a logistic regression reaches on all codes and on none.
Each is at most 1, the value of a perfect code, but for the noise of the estimator.

Mutual information with a continuous code is Ross's estimate from the 10 nearest neighbours (PLoS
ONE 9(2), 2014), as `sklearn.feature_selection.mutual_info_classif` computes it: one code is a
line, so that neighbours are found by sorting, once per code for all factors. Where a factor has
20 points of a value or fewer, scikit-learn measures distances by dot products, and for a code
of 600 points in 150 classes got 4.47 nats instead of 4.61.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from scipy.special import digamma
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, mutual_info_score
from sklearn.preprocessing import OneHotEncoder, scale

NUM_NEIGHBOURS = 10
# A continuous code is active if its range is over this share of the largest range.
ACTIVE_RANGE = 1 / 20


class InfoMEC(NamedTuple):
    """The three scores, the matrix (factors, codes) and which codes are active, bool (codes,)."""

    modularity: float
    compactness: float
    explicitness: float
    nmi: np.ndarray
    active: np.ndarray


def infomec(
    factors: np.ndarray, codes: np.ndarray, *, discrete: bool = False, seed: int = 0
) -> InfoMEC:
    """InfoMEC of n points.

    Args:
        factors: integers (n, f).
        codes: (n, k), of any scale.
        discrete: the codes are categories, and every distinct value is one.
        seed: of the noise of relative size 1e-10 that tells equal continuous codes apart.

    Returns:
        The scores: all 0 if no code is active. With one factor the modularity, and with one
        active code the compactness, is not defined and NaN.
    """
    codes = np.asarray(codes, np.float64)
    ranges = np.ptp(codes, axis=0)
    active = ranges > (0.0 if discrete else ACTIVE_RANGE * ranges.max())
    nmi = np.zeros((factors.shape[1], codes.shape[1]))
    if not active.any():
        return InfoMEC(0.0, 0.0, 0.0, nmi, active)
    entropies = [mutual_info_score(labels, labels) for labels in factors.T]
    for j in np.flatnonzero(active):
        if discrete:
            nmi[:, j] = [mutual_info_score(labels, codes[:, j]) for labels in factors.T]
        else:
            nmi[:, j] = information_with_classes(codes[:, j], factors, seed)
        nmi[:, j] /= entropies
    pruned = nmi[:, active]
    return InfoMEC(
        _share_of_largest(pruned.T),
        _share_of_largest(pruned),
        _explicitness(factors, codes, discrete),
        nmi,
        active,
    )


def _share_of_largest(rows: np.ndarray) -> float:
    """Mean over rows of the largest entry's share, from 0 for equal entries to 1 for a single."""
    width = rows.shape[1]
    if width < 2:
        return float("nan")
    total = rows.sum(axis=1)
    # a row that knows nothing prefers nothing
    share = np.divide(rows.max(axis=1), total, out=np.full(len(rows), 1 / width), where=total > 0)
    return float((np.mean(share) - 1 / width) / (1 - 1 / width))


def information_with_classes(code: np.ndarray, factors: np.ndarray, seed: int) -> np.ndarray:
    """Mutual information, in nats, of a continuous code (n,) with each factor (n, f): (f,).

    What `mutual_info_classif(code[:, None], factor, discrete_features=False, n_neighbors=10,
    random_state=seed)` gives for each factor, but for classes of 20 points and fewer.
    """
    noise = np.random.RandomState(seed).standard_normal((len(code), 1))[:, 0]
    x = scale(code[:, None].astype(np.float64), with_mean=False)[:, 0]
    x = x + 1e-10 * max(1.0, float(np.mean(np.abs(x)))) * noise
    order = np.argsort(x)
    x = x[order]
    return np.array([_information(x, labels[order]) for labels in factors.T])


def _information(x: np.ndarray, labels: np.ndarray) -> float:
    """Ross's estimate for sorted x (n,) and classes (n,); a class of one point doesn't count."""
    which = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(which)
    kept = counts[which] > 1
    x, which = x[kept], which[kept]
    if not len(x):
        return 0.0
    radius = np.empty(len(x))
    neighbours = np.minimum(NUM_NEIGHBOURS, counts - 1)
    for label in np.unique(which):
        mine = which == label
        radius[mine] = _distance_to_neighbour(x[mine], int(neighbours[label]))
    within = _count_within(x, np.nextafter(radius, 0.0))
    estimate = (
        digamma(len(x))
        + np.mean(digamma(neighbours[which]))
        - np.mean(digamma(counts[which]))
        - np.mean(digamma(within))
    )
    return max(0.0, float(estimate))


def _distance_to_neighbour(x: np.ndarray, k: int) -> np.ndarray:
    """Distance from each of sorted x (n,) to its k-th nearest other point, k < n."""
    n = len(x)
    # the k + 1 points that are nearest, the point itself among them, are consecutive
    first = np.arange(n)[:, None] - k + np.arange(k + 1)
    inside = (first >= 0) & (first + k < n)
    first = np.clip(first, 0, n - 1 - k)
    farther = np.maximum(x[:, None] - x[first], x[first + k] - x[:, None])
    return np.where(inside, farther, np.inf).min(axis=1)


def _count_within(x: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How many of sorted x (n,) are at most `radius` (n,) from each of them, itself included."""
    behind = _first_within(-x[::-1], radius[::-1])[::-1]
    return len(x) - behind - _first_within(x, radius)


def _first_within(x: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """For each of sorted x, the number of the first that is at most `radius` below it.

    What counts is the rounded difference of two points, which is monotone; x - radius has a
    rounding of its own, so where the search for it ends is moved until it is right.
    """
    first = np.searchsorted(x, x - radius)
    while True:
        before = np.maximum(first - 1, 0)
        down = (first > 0) & (x - x[before] <= radius)
        up = ~down & (x - x[np.minimum(first, len(x) - 1)] > radius)
        if not (down | up).any():
            return first
        first = first - down + up


def _explicitness(factors: np.ndarray, codes: np.ndarray, discrete: bool) -> float:
    inputs = OneHotEncoder().fit_transform(codes) if discrete else scale(codes)
    # with balanced classes a model that sees nothing gives every class the same probability
    known = [
        1.0 - _cross_entropy(inputs, labels) / np.log(len(np.unique(labels)))
        for labels in factors.T
    ]
    return float(np.mean(known))


def _cross_entropy(inputs: np.ndarray, labels: np.ndarray) -> float:
    """What an unpenalised logistic regression with balanced classes reaches, in nats."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 100 iterations, converged or not, are the definition
        model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100)
        model.fit(inputs, labels)
    return float(log_loss(labels, model.predict_proba(inputs), labels=model.classes_))
