"""Unsupervised Disentanglement Ranking: which of several runs, without labels.

Duan et al., Unsupervised model selection for variational disentangled representation learning
(ICLR 2020). Runs that disentangle find the same axes up to order and sign; others don't. For
runs i and j, R[a, b] is the absolute Spearman correlation of code a of i with code b of j, over
the informative codes of both, and

    UDR_ij = 1 / (d_a + d_b) * (sum_b max_a R[a, b]^2 / sum_a R[a, b]
                                + sum_a max_b R[a, b]^2 / sum_b R[a, b]),

with d_a, d_b the numbers of informative codes. A run's UDR is the median over the others: 1 if
each of its codes is one code of every other run and no mixture; small if codes mix.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import scipy.stats

INFORMATIVE = 0.05


def udr(codes: Sequence[np.ndarray]) -> np.ndarray:
    """UDR of each run, in [0, 1].

    Args:
        codes: two runs or more: (n, k_i) codes of the same n images. A code counts as
            informative if its standard deviation reaches `INFORMATIVE`.

    Returns:
        (runs,) medians; 0 for a pair of which one has no informative code.
    """
    ranks = [_standard_ranks(run) for run in codes]
    pairs = np.full((len(codes), len(codes)), np.nan)
    for i, j in itertools.combinations(range(len(ranks)), 2):
        # once: the other way round the sums are rounded otherwise, and a tie would be none
        pairs[i, j] = pairs[j, i] = _alike(ranks[i], ranks[j])
    return np.nanmedian(pairs, axis=1)


def _standard_ranks(codes: np.ndarray) -> np.ndarray:
    """Ranks of each informative code, of mean 0 and length 1, (n, informative)."""
    informative = codes[:, np.std(codes, axis=0) >= INFORMATIVE]
    ranks = scipy.stats.rankdata(informative, axis=0)
    centred = ranks - ranks.mean(axis=0)
    return centred / np.linalg.norm(centred, axis=0)


def _alike(first: np.ndarray, second: np.ndarray) -> float:
    size = first.shape[1] + second.shape[1]
    if not first.shape[1] or not second.shape[1]:
        return 0.0
    r = np.abs(first.T @ second)
    tiny = np.finfo(float).tiny
    by_column = np.sum(r.max(axis=0) ** 2 / np.maximum(r.sum(axis=0), tiny))
    by_row = np.sum(r.max(axis=1) ** 2 / np.maximum(r.sum(axis=1), tiny))
    return float((by_column + by_row) / size)
