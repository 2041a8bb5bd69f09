"""The table of scores: nothing that can be computed is missing, nothing in it is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from deltavae.report.comparison_page import write_comparison
from deltavae.run_dir import RunDir
from deltavae.scoring.challenge import BY_PROTOCOL, METRICS
from deltavae.scoring.evaluate import evaluate
from deltavae.scoring.score_specs import CHALLENGE, SCORES, lower_is_better, ranked, score_spec

DOCUMENTATION = Path(__file__).resolve().parents[2] / "docs" / "scores.md"


def test_every_metric_has_an_entry_for_each_of_its_scores():
    for name, metric in METRICS.items():
        assert name in SCORES or name == "infomec"
        for key in metric.scores:
            assert SCORES[key].description and SCORES[key].best and SCORES[key].chance
    computed = [key for metric in METRICS.values() for key in metric.scores]
    assert len(computed) == len(set(computed))
    # those are not asked for by name
    assert set(SCORES) - set(computed) == {"d_lsbd", "udr"}


def test_what_the_challenge_and_its_protocol_are():
    assert CHALLENGE == ("factor_vae_metric", "dci", "mig", "sap_score", "irs")
    assert set(BY_PROTOCOL) == {"dci", "sap_score"}


def test_what_is_better_when_lower():
    assert {key for key in SCORES if lower_is_better(key)} == {"d_lsbd", "unsupervised"}
    assert not lower_is_better("r2_azimuth") and not lower_is_better("nobody knows")


def test_interventions_are_asked_for_by_the_metrics_that_ask_for_them():
    # the metrics that call sample_observations_from_factors, and the orbits of D_LSBD
    needing = {key for key, spec in SCORES.items() if spec.needs_interventions}
    assert needing == {"factor_vae_metric", "beta_vae", "d_lsbd"}


def test_keys_of_2019_and_of_probes():
    assert score_spec("dci_2019").title == "DCI disentanglement, 2019"
    assert score_spec("r2_azimuth").title == "R² of azimuth"
    assert score_spec("nobody knows") is None and ranked("nobody knows")
    assert ranked("dci_2019") and not ranked("dci_completeness_2019")


def test_the_comparison_page_says_which_way_is_better(tmp_path):
    keys = ["mig", "unsupervised", "d_lsbd", "r2_azimuth"]
    for name in "ab":
        scores = {key: 0.5 for key in keys}
        content = {"dataset": "x", "protocol": "both", "settings": "fast", "readout": "exported"}
        content |= {"scores": scores, "spread": {}, "probes": {}, "failed": {}}
        path = RunDir(tmp_path / name).scores
        path.parent.mkdir()
        path.write_text(json.dumps(content))
    page = write_comparison([tmp_path / "a", tmp_path / "b"], tmp_path / "page.html").read_text()
    for key in keys:
        row = next(line for line in page.splitlines() if f"<code>{key}</code>" in line)
        wanted = "lower" if key in ("unsupervised", "d_lsbd") else "higher"
        assert row.endswith(f"<td>{wanted}</td></tr>"), row


@pytest.mark.parametrize("key", sorted(SCORES))
def test_every_score_is_defined_in_the_documentation(key):
    assert f"`{key}`" in DOCUMENTATION.read_text()


def test_the_value_of_a_perfect_code_is_the_documented_one(tmp_path):
    """The columns for factors of 3, 24 and 8 values, at the sample sizes of the study."""
    table = np.stack(np.unravel_index(np.arange(3 * 24 * 8), (3, 24, 8)), 1)
    angle = 2 * np.pi * table[:, 1] / 24
    lines = [(table[:, i] - table[:, i].mean()) / table[:, i].std() for i in (0, 2)]
    kinds = [
        (np.stack([*lines, np.angle(np.exp(1j * (angle - np.pi + 0.01)))], 1), [[2]]),
        (np.stack([*lines, np.cos(angle), np.sin(angle)], 1), [[2, 3]]),
    ]
    documented = {}
    for line in DOCUMENTATION.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[0].startswith("`"):
            documented[cells[0].strip("`")] = cells[1:3]
    for column, (codes, circles) in enumerate(kinds):
        names = ["size", "turn:circle", "object"]
        np.savez(
            tmp_path / "c.npz", codes=codes, factors=table, factor_names=names, circles=circles
        )
        metrics = ["mig", "mig_circular", "mcc", "irs", "infomec", "unsupervised", "dci"]
        found = evaluate(
            codes_file=tmp_path / "c.npz", metrics=metrics, protocol="current", jobs=1
        )["scores"]
        found["r2_<factor>"] = found.pop("r2_turn")
        assert len(found) == 15
        for key, value in found.items():
            assert value == pytest.approx(float(documented[key][column]), abs=0.003), key
