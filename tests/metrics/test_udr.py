"""UDR against values worked out by hand."""

import numpy as np
import pytest

from deltavae.errors import UserError
from deltavae.metrics.udr import udr

CODES = np.random.RandomState(0).standard_normal((20_000, 2))


def test_order_and_direction_of_axes_do_not_count_and_monotone_maps_neither():
    other = np.stack([-(CODES[:, 1] ** 3), 2 * CODES[:, 0]], axis=1)
    scores = udr([CODES, other])
    r = 0.02  # what independent normal draws may correlate by, at 20,000 of them
    assert np.all(scores > 1 / (1 + r)) and np.all(scores <= 1)


def test_a_turn_by_45_degrees_scores_half_of_the_correlation():
    """R is r everywhere, so r² / 2r; Spearman's r of normals is 6/pi asin(rho/2)."""
    turned = CODES @ np.array([[1, -1], [1, 1]]) / np.sqrt(2)
    r = 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)
    assert udr([CODES, turned]) == pytest.approx([r / 2, r / 2], abs=0.01)


def test_a_code_that_says_nothing_is_left_out():
    noise = 0.001 * np.random.RandomState(1).standard_normal((len(CODES), 3))
    scores = udr([CODES, np.concatenate([CODES, noise], axis=1), np.zeros((len(CODES), 4))])
    assert udr([CODES, np.concatenate([CODES, noise], axis=1)])[0] > 0.98
    assert scores[2] == 0


def test_the_median_over_pairs_finds_the_odd_one():
    odd = np.random.RandomState(2).standard_normal((len(CODES), 2))
    scores = udr([CODES, CODES[:, ::-1], -CODES, odd])
    assert np.all(scores[:3] > 0.98) and scores[3] < 0.05


def test_one_model_has_nothing_to_agree_with():
    with pytest.raises(UserError, match="two models"):
        udr([CODES])
