"""The table of scores: nothing that can be computed is missing, nothing in it is wrong."""

import json
from pathlib import Path

import pytest

from deltavae.report.comparison_page import write_comparison
from deltavae.run_dir import RunDir
from deltavae.scoring.challenge import BY_PROTOCOL, METRICS
from deltavae.scoring.specs import CHALLENGE, SCORES, lower_is_better, ranked, score_spec


def test_every_metric_has_an_entry_for_each_of_its_scores():
    for name, metric in METRICS.items():
        assert name in SCORES or name == "infomec"
        for key in metric.scores:
            assert SCORES[key].metric == name
            assert SCORES[key].description and SCORES[key].best and SCORES[key].chance
    computed = {key for metric in METRICS.values() for key in metric.scores}
    assert {key for key, spec in SCORES.items() if spec.metric} == computed


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
    text = (Path(__file__).resolve().parents[2] / "docs" / "scores.md").read_text()
    assert f"`{key}`" in text
