"""Correlations whose value is known, and the circular scores that see what a line can't hold."""

import numpy as np
import pytest

from deltavae.scoring.circular_codes import coordinates, declared_angles, find_circles
from deltavae.scoring.evaluate import evaluate
from deltavae.scoring.mcc import circular, fisher_lee, mean_correlation, pearson, spearman

TABLE = np.stack(np.unravel_index(np.arange(4 * 24 * 6), (4, 24, 6)), 1)
ANGLE = 2 * np.pi * TABLE[:, 1] / 24
NAMES = ["size", "turn:circle", "object"]
RADIUS = np.random.default_rng(3)


def scores(tmp_path, codes, metrics=("mcc", "mig", "mig_circular"), **arrays):
    path = tmp_path / "codes.npz"
    np.savez(path, codes=codes, factors=TABLE, factor_names=NAMES, **arrays)
    result = evaluate(codes_file=path, settings="fast", metrics=list(metrics), jobs=1)
    assert not result["failed"]
    return result["scores"]


def test_the_best_matching_by_hand():
    # greedy takes .9 and is left with .1; the best sum takes .8 and .8
    assert mean_correlation(np.array([[0.9, 0.8], [0.8, 0.1]])) == pytest.approx(0.8)
    assert mean_correlation(np.array([[0.9], [0.8], [0.7]])) == pytest.approx(0.3)


def test_correlations_are_numpys_and_of_ranks():
    rs = np.random.RandomState(0)
    codes = rs.randn(50, 2)
    expected = np.abs(np.corrcoef(TABLE[:50].T, codes.T)[:3, 3:])
    expected[~np.isfinite(expected)] = 0  # a factor that doesn't vary
    np.testing.assert_allclose(pearson(TABLE[:50], codes), expected, atol=1e-12)
    line = np.arange(50)[:, None]
    assert spearman(line, np.exp(line / 3.0)) == pytest.approx(1)
    assert pearson(line, np.exp(line / 3.0)) < 0.6
    np.testing.assert_array_equal(pearson(line, np.full((50, 1), 0.37)), 0)


def test_circular_correlation_is_the_sum_over_pairs():
    rs = np.random.RandomState(1)
    for spread in (0.2, 1.0, 10.0):
        a = spread * rs.randn(60)
        b = 0.7 * a + 0.5 * rs.randn(60)
        x, y = (np.sin(angle[:, None] - angle[None]) for angle in (a, b))
        direct = np.sum(x * y) / np.sqrt(np.sum(x**2) * np.sum(y**2))
        assert fisher_lee(a, b) == pytest.approx(direct, abs=1e-12)


@pytest.mark.parametrize(("turns", "start"), [(1, 0.0), (-1, 2.5)])
def test_an_even_turn_either_way_from_any_start(turns, start):
    assert fisher_lee(ANGLE, turns * ANGLE + start) == pytest.approx(turns)


def test_noise_on_an_angle_leaves_what_its_distribution_says():
    # for a even and b = a + e: |E e^{ie}|^2 = exp(-s^2) for normal e
    rs = np.random.RandomState(2)
    a = rs.uniform(0, 2 * np.pi, 20000)
    assert fisher_lee(a, a + 0.5 * rs.randn(20000)) == pytest.approx(np.exp(-0.25), abs=0.02)


def test_pairs_on_circles_are_found_wherever_they_are():
    turn = np.stack([2 * np.cos(ANGLE), TABLE[:, 0] / 4, 2 * np.sin(ANGLE)], 1)
    assert find_circles(turn) == [(0, 2)]
    noise = RADIUS.normal(size=(len(TABLE), 3))
    assert find_circles(noise) == []
    assert find_circles(noise / np.linalg.norm(noise, axis=1, keepdims=True)) == []  # a sphere
    nearly = np.array([0.6, 0.8]) + 1e-4 * noise[:, :2]
    assert find_circles(nearly) == []  # two codes that hardly move
    both = np.stack([np.cos(ANGLE), np.sin(ANGLE), np.cos(2 * ANGLE), np.sin(2 * ANGLE)], 1)
    assert find_circles(both) == [(0, 1), (2, 3)]
    found = coordinates(turn, [(0, 2)])
    np.testing.assert_allclose(found.values[:, 0], TABLE[:, 0] / 4)
    np.testing.assert_allclose(np.exp(1j * found.values[:, 1]), np.exp(1j * ANGLE))
    assert found.is_angle.tolist() == [False, True]


def test_binary_codes_are_no_circle(tmp_path):
    """Any two of values +-c have a constant radius; standardised binary factors are such."""
    table = np.stack(np.unravel_index(np.arange(400), (2, 2, 10, 10)), 1)
    perfect = (table - table.mean(axis=0)) / table.std(axis=0)
    np.savez(tmp_path / "c.npz", codes=perfect, factors=table)
    metrics = ["mcc", "mig", "mig_circular", "infomec"]
    options = {"codes_file": tmp_path / "c.npz", "settings": "fast", "metrics": metrics}
    found = evaluate(**options)["scores"]
    assert found["mcc_circular"] == found["mcc"] == pytest.approx(1)
    assert found["mig_circular"] == found["mig"]
    rounded = perfect * (1 + 1e-7 * RADIUS.normal(size=perfect.shape))
    assert find_circles(rounded) == [] and find_circles(perfect * [1, 3, 1, 1]) == []


@pytest.mark.parametrize("values", [3, 4, 5])
def test_a_circle_of_few_values_is_found(values):
    angle = 2 * np.pi * np.arange(values) / values
    assert find_circles(np.stack([np.cos(angle), np.sin(angle)], 1)) == [(0, 1)]


def test_categories_are_searched_for_no_circle(tmp_path):
    """Their numbers mean nothing: here those of a factor's values lie on one by chance."""
    table = np.stack(np.unravel_index(np.arange(24), (4, 6)), 1)
    codes = np.array([(0, 5), (3, 4), (4, 3), (5, 0)])[table[:, 0]]
    np.savez(tmp_path / "c.npz", codes=codes, factors=table)
    options = {"codes_file": tmp_path / "c.npz", "settings": "fast", "metrics": ["mcc", "infomec"]}
    found = [evaluate(**options, discrete=discrete)["scores"] for discrete in (False, True)]
    assert found[0]["mcc_circular"] != found[0]["mcc"]
    assert found[1]["mcc_circular"] == found[1]["mcc"] == found[0]["mcc"]


def test_a_code_with_a_circle_for_each_circle_is_perfect_for_the_circular_scores(tmp_path):
    codes = np.stack([np.cos(ANGLE), np.sin(ANGLE), TABLE[:, 0], -TABLE[:, 2]], 1)
    found = scores(tmp_path, codes)
    assert found["mcc_circular"] == pytest.approx(1)
    assert found["mcc"] == pytest.approx((2 + 0.78) / 3, abs=0.01)  # sin a against a: sqrt(6)/pi
    assert found["mig_circular"] > 0.95 > 0.7 > found["mig"]


def test_without_circles_they_are_the_plain_scores(tmp_path):
    codes = TABLE + 0.3 * RADIUS.normal(size=TABLE.shape)
    found = scores(tmp_path, codes)
    assert found["mig_circular"] == found["mig"]
    assert found["mcc_circular"] == found["mcc"]


def test_circles_that_are_declared(tmp_path):
    noisy = 1 + 0.2 * RADIUS.normal(size=len(TABLE))
    codes = np.stack([noisy * np.cos(ANGLE), noisy * np.sin(ANGLE), TABLE[:, 0], TABLE[:, 2]], 1)
    assert scores(tmp_path, codes)["mcc_circular"] < 0.95  # no circle is seen
    found = scores(tmp_path, codes, circles=[[0, 1]])
    assert found["mcc_circular"] == pytest.approx(1)
    # an angle in radians with its cut anywhere
    cut = np.angle(np.exp(1j * (ANGLE + 2.0)))
    codes = np.stack([TABLE[:, 0], cut, TABLE[:, 2]], 1)
    assert scores(tmp_path, codes)["mcc_circular"] < 0.9
    assert scores(tmp_path, codes, circles=[[1]])["mcc_circular"] == pytest.approx(1)


def test_a_line_on_an_arc():
    # a factor on a line that moves an angle by a third of a turn
    line = np.linspace(0, 1, 200)[:, None]
    arc = 2 * line[:, 0]
    codes = coordinates(np.stack([np.cos(arc), np.sin(arc)], 1), [(0, 1)])
    assert circular(line, {}, codes)[0, 0] == pytest.approx(1, abs=0.01)


def test_a_circle_alone(tmp_path):
    codes = np.stack([np.cos(ANGLE), np.sin(ANGLE)], 1)
    np.savez(tmp_path / "c.npz", codes=codes, factors=TABLE[:, 1:2], factor_names=["turn:circle"])
    found = evaluate(codes_file=tmp_path / "c.npz", settings="fast", metrics=["mig_circular"])
    # 20 bins for 24 values
    assert 0.9 < found["scores"]["mig_circular"] <= 1


def test_codes_that_are_categories(tmp_path):
    found = scores(tmp_path, TABLE, ["infomec"])
    assert found["infom"] > 0.95
    np.savez(tmp_path / "c.npz", codes=TABLE, factors=TABLE)
    options = {"codes_file": tmp_path / "c.npz", "settings": "fast", "metrics": ["infomec"]}
    categories = evaluate(**options, discrete=True)["scores"]
    # the whole grid: factors are independent, so each is one code, to rounding
    assert [categories[key] for key in ("infom", "infoc")] == pytest.approx([1, 1], abs=1e-9)
    assert categories["infoe"] == pytest.approx(1, abs=1e-3)


def test_angles_that_a_readout_declares():
    described = [{"factor": 0, "kind": "angle"}, {"factor": 1, "kind": "line"}]
    assert declared_angles(described, "angles_active", 2) == [(0,)]
    assert declared_angles(described[1:], "angles", 1) is None
    assert declared_angles(None, "angles", 2) == [(0,), (1,)]  # of before
    assert declared_angles(None, "embedding", 2) is None
