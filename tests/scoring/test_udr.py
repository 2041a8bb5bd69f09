"""UDR: order and sign don't matter, mixing does."""

import numpy as np
import pytest

from deltavae.scoring.udr import udr


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(0).normal(size=(4000, 4))


def test_order_sign_and_monotone_maps_do_not_matter(codes):
    other = np.sinh(-codes[:, [2, 0, 3, 1]])
    # R is a permutation matrix up to chance correlations of about 1 / sqrt(4000) each
    np.testing.assert_allclose(udr([codes, other]), 1, atol=3 * 4 / np.sqrt(4000))


def test_a_mixture_stands_out(codes):
    mixed = codes @ np.linalg.qr(np.random.default_rng(1).normal(size=(4, 4)))[0]
    scores = udr([codes, codes[:, ::-1], mixed])
    assert scores[2] < 0.7 < min(scores[:2])


def test_two_even_mixtures_by_hand(codes):
    # (x + y, x - y) against (x, y): every R is the same r, so max^2 / sum = r / 2, twice a pair
    pair = codes[:, :2]
    turned = np.stack([pair[:, 0] + pair[:, 1], pair[:, 0] - pair[:, 1]], axis=1)
    r = 6 / np.pi * np.arcsin(np.sqrt(0.5) / 2)  # Spearman's for normal codes of correlation √½
    np.testing.assert_allclose(udr([pair, turned]), r / 2, atol=0.03)


def test_dead_codes_do_not_count(codes):
    padded = np.column_stack([codes, 0.01 * codes])
    np.testing.assert_allclose(udr([codes, padded]), udr([codes, codes]), atol=1e-12)
    np.testing.assert_array_equal(udr([codes, 0 * codes]), 0)


def test_two_runs_have_the_same_value_to_the_last_bit():
    """How alike two runs are has no direction, so a tie is left for another criterion."""
    for seed in range(50):
        draw = np.random.default_rng(seed)
        first, second = draw.normal(size=(200, 5)), draw.normal(size=(200, 7))
        one, other = udr([first, second])
        assert one == other
