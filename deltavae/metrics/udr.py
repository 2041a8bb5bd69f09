"""Unsupervised disentanglement ranking: models that agree with other seeds of themselves.

Duan et al., Unsupervised Model Selection for Variational Disentangled Representation Learning
(arXiv 1905.12614). No labels are used, so it may choose a model.
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from deltavae.errors import UserError

INFORMATIVE = 0.05
"""A code whose standard deviation is under this share of the largest one says nothing."""


def udr(codes: Sequence[np.ndarray]) -> np.ndarray:
    """How far each of several models agrees with the others, up to order and direction of axes.

    For a pair of models, R is the absolute Spearman correlation of each two of their codes.
    Each informative code takes (largest R)² / (sum of R) over the other model's informative
    codes; the pair's score is the mean over the codes of both. 1 means the same axes; two
    models that are rotated against each other score low.

    The publication tells informative codes by their KL divergence, which a sphere's
    coordinates have not; here their standard deviation decides.

    Args:
        codes: one array (n, k) for each model, of the same n images; k may differ.

    Returns:
        For each model the median over its pairs, (models,), in [0, 1].

    Raises:
        UserError: fewer than two models, or different numbers of images.
    """
    if len(codes) < 2 or len({len(each) for each in codes}) > 1:
        raise UserError(
            "UDR compares two models or more on the same images",
            received=f"codes of shape {[each.shape for each in codes]}",
        )
    ranks = [_standard_ranks(each) for each in codes]
    pairs = np.full((len(codes), len(codes)), np.nan)
    for i in range(len(codes)):
        for j in range(i):
            pairs[i, j] = pairs[j, i] = _agreement(np.abs(ranks[i].T @ ranks[j]))
    return np.nanmedian(pairs, axis=1)


def _standard_ranks(codes: np.ndarray) -> np.ndarray:
    """Ranks of the informative columns, centred, of unit norm: their products are Spearman's."""
    codes = np.asarray(codes, np.float64)
    deviation = codes.std(axis=0)
    kept = codes[:, (deviation > INFORMATIVE * deviation.max()) & (deviation > 0)]
    ranks = rankdata(kept, axis=0) - (len(codes) + 1) / 2
    return ranks / np.linalg.norm(ranks, axis=0)


def _agreement(relation: np.ndarray) -> float:
    """The pair's score, from R (codes of one, codes of the other); 0 where nothing informs."""
    if relation.size == 0:
        return 0.0
    total = sum(
        np.sum(relation.max(axis) ** 2 / np.maximum(relation.sum(axis), np.finfo(float).tiny))
        for axis in (0, 1)
    )
    return float(total / sum(relation.shape))
