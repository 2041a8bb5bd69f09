"""A code that is constant but for rounding scores as 0 does, whatever its constant is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deltavae.scoring.challenge import METRICS
from deltavae.scoring.codes import ROUNDING, constant_codes
from deltavae.scoring.evaluate import evaluate

TABLE = np.stack(np.unravel_index(np.random.default_rng(0).permutation(96), (3, 8, 4)), 1)
GOOD = TABLE + 0.3 * np.random.default_rng(1).normal(size=(96, 3))
QUICK = [name for name in METRICS if not name.startswith(("dci", "downstream"))]
CHEAP = ["mig", "irs", "unsupervised"]


def scored(tmp_path, codes, metrics=QUICK, factors=TABLE):
    path = tmp_path / "codes.npz"
    np.savez(path, codes=codes, factors=factors)
    return evaluate(codes_file=path, settings="fast", metrics=metrics, protocol="current", jobs=1)


@pytest.mark.parametrize("constant", [0.37, -1e6])
def test_beside_good_codes_it_is_as_if_it_were_zero(tmp_path, constant):
    column = np.full((96, 1), constant)
    scores = scored(tmp_path, np.hstack([GOOD, column]))
    zero = scored(tmp_path, np.hstack([GOOD, 0 * column]))
    assert not scores["failed"]
    assert scores["scores"] == zero["scores"] and scores["metrics"].keys() == set(QUICK)
    assert "1 of 4 codes are constant, and scored as 0: 3" in scores["warnings"]


def test_it_does_not_move_what_does_not_look_at_it(tmp_path):
    with_it = scored(tmp_path, np.hstack([GOOD, np.full((96, 1), 0.37)]))["scores"]
    without = scored(tmp_path, GOOD)["scores"]
    for key in ("irs", "mig", "unsupervised", "factor_vae_metric"):
        assert with_it[key] == pytest.approx(without[key], abs=1e-6)


def test_all_codes_constant_score_zero(tmp_path):
    metrics = [name for name in METRICS if not name.startswith("downstream")]
    scores = scored(tmp_path, np.full((96, 4), 0.37), metrics)
    assert not scores["failed"]
    known = {"explicitness": 0.5, "dci_informativeness": None, "beta_vae": None}
    for key, value in scores["scores"].items():
        expected = known.get(key, 0.0)
        if expected is not None:
            assert value == pytest.approx(expected, abs=0.03), key


@settings(max_examples=20, deadline=None)
@given(
    offset=st.floats(-1e6, 1e6, allow_subnormal=False, width=32),
    jitter=st.floats(0, 1e-7),
    seed=st.integers(0, 99),
)
def test_rounding_on_any_offset_is_no_information(tmp_path_factory, offset, jitter, seed):
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, size=(96, 1))
    code = offset + jitter * max(abs(offset), 1e-20) * noise
    folder = tmp_path_factory.mktemp("codes")
    scores = scored(folder, np.hstack([GOOD, code]), CHEAP)
    zero = scored(folder, np.hstack([GOOD, 0 * code]), CHEAP)
    if constant_codes(code.astype(np.float32))[0]:
        assert scores["scores"] == zero["scores"]
    assert not scores["failed"] and np.isfinite(list(scores["scores"].values())).all()


@settings(max_examples=20, deadline=None)
@given(
    scale=st.floats(-12, 10.9).map(lambda power: 10.0**power),  # up to 1e15 with the offset
    offset=st.floats(-1e4, 1e4),
    values=st.integers(2, 96),
    seed=st.integers(0, 99),
)
def test_every_scale_and_offset_is_scored(tmp_path_factory, scale, offset, values, seed):
    code = np.random.default_rng(seed).integers(values, size=(96, 2)) * scale + offset * scale
    scores = scored(tmp_path_factory.mktemp("codes"), np.hstack([GOOD, code]), CHEAP)
    assert not scores["failed"] and np.isfinite(list(scores["scores"].values())).all()


@pytest.mark.parametrize("magnitude", [1e-12, 0.37, 1e6])
def test_where_rounding_ends(magnitude):
    step = np.linspace(0, 1, 50)[:, None] * magnitude
    assert constant_codes((magnitude + 0.5 * ROUNDING * step).astype(np.float32))[0]
    assert not constant_codes((magnitude + 2.0 * ROUNDING * step).astype(np.float32))[0]


@pytest.mark.parametrize("width", [1e-8, 1e-7, 1e-5])
def test_a_code_of_small_range_on_an_offset(tmp_path, width):
    code = 0.37 + width * np.random.default_rng(2).uniform(size=(96, 1))
    scores = scored(tmp_path, np.hstack([GOOD, code]))
    assert not scores["failed"]
    assert any("constant" in w for w in scores["warnings"]) == (width < 1e-6)


def test_a_score_that_is_not_defined_failed_with_its_reason(tmp_path):
    one = np.arange(8)[:, None]
    codes = np.hstack([one, np.random.default_rng(3).normal(size=(8, 1))])
    scores = scored(tmp_path, codes, ["dci", "mig", "beta_vae", "infomec", "mcc"], one)
    assert set(scores["failed"]) == {"dci", "beta_vae", "infom"}
    assert "one factor" in scores["failed"]["dci"] and "one factor" in scores["failed"]["infom"]
    assert "two factors" in scores["failed"]["beta_vae"]
    assert "dci" not in scores["scores"] and scores["scores"]["mcc"] == pytest.approx(1)


def test_a_code_that_one_image_alone_moves(tmp_path):
    """The draws miss that image, and what they find differs by rounding only."""
    table = np.stack(np.unravel_index(np.arange(30000), (30, 40, 25)), 1)
    rng = np.random.default_rng(4)
    code = 0.37 + 1e-7 * rng.uniform(size=(30000, 1))
    code[29999] = 5.0
    good = table + rng.normal(size=table.shape)
    metrics = ["mig", "irs", "unsupervised", "modularity_explicitness"]
    scores = scored(tmp_path, np.hstack([good, code]), metrics, table)
    assert not scores["failed"] and not scores["warnings"]
