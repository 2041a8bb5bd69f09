"""What a table says, against numbers worked out by hand."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from deltavae.cli.console import new_console
from deltavae.cli.study_summary import summarise
from deltavae.report.study_page import write_page
from deltavae.studies import StudyFolder, summary
from deltavae.studies.folder import CODES
from deltavae.studies.results_table import open_stream, read_table
from deltavae.studies.scheduler import Progress
from deltavae.studies.udr_of_runs import with_udr
from tests.studies.conftest import leave_result


@pytest.fixture
def table():
    """Two settings, two seeds: `sphere` is better on mig by 0.2 and worse on dci."""
    rows = [
        ("sphere", 0, 0.3, 0.1, -10.0),
        ("sphere", 1, 0.5, 0.2, -12.0),
        ("flat", 0, 0.1, 0.4, -14.0),
        ("flat", 1, 0.3, 0.6, -13.0),
    ]
    return pd.DataFrame(
        [
            {
                "setting": setting,
                "variant": setting,
                "dataset": "turntable",
                "seed": seed,
                "readout": "embedding",
                "run": f"{setting}{seed}",
                "mig": mig,
                "dci": dci,
                "elbo": elbo,
                "Hypersphere.dim": 10,
                "d_lsbd": 0.5,
            }
            for setting, seed, mig, dci, elbo in rows
        ]
    )


def test_scores_are_told_from_what_describes_a_run(table):
    assert summary.score_names(table) == ["mig", "dci"]


def test_mean_and_spread_over_seeds(table):
    stats = summary.by_setting(table).loc[("turntable", "sphere", "embedding")]
    assert stats["mig"]["mean"] == pytest.approx(0.4)
    assert stats["mig"]["std"] == pytest.approx(0.2 / np.sqrt(2))
    assert stats["mig"]["count"] == 2


def test_ranks_are_of_means_and_one_is_the_best(table):
    ranks = summary.ranks(table)
    assert ranks.loc[("turntable", "sphere", "embedding"), ["mig", "dci"]].tolist() == [1, 2]
    assert ranks["mean_rank"].tolist() == [1.5, 1.5]


def test_correlation_of_ranks_with_a_tie(table):
    """Ranks 2.5, 4, 1, 2.5 and 1, 2, 3, 4: by hand -1.5 / sqrt(4.5 * 5)."""
    assert summary.correlations(table).loc["mig", "dci"] == pytest.approx(-1.5 / np.sqrt(22.5))


def test_baselines_are_compared_with_the_error_of_the_difference(table):
    compared = summary.against_baselines(table, ["flat"])
    (row,) = compared.index
    assert row == ("turntable", "embedding", "flat", "sphere")
    assert compared.loc[row, ("mig", "difference")] == pytest.approx(0.2)
    assert compared.loc[row, ("mig", "error")] == pytest.approx(np.sqrt(0.02 / 2 + 0.02 / 2))


def test_selection_takes_the_run_with_the_largest_elbo(table):
    chosen = summary.selection(table).set_index(["criterion", "score"]).loc[("elbo", "mig")]
    assert chosen["chosen"] == 0.3
    assert (chosen["mean"], chosen["best"]) == (pytest.approx(0.3), 0.5)
    assert chosen["correlation"] == pytest.approx(3 / np.sqrt(22.5))


@pytest.mark.filterwarnings("error")
def test_a_criterion_that_is_the_same_for_all_runs_correlates_with_nothing(table):
    chosen = summary.selection(table.assign(udr=0.0)).set_index(["criterion", "score"])
    assert np.isnan(chosen.loc[("udr", "mig"), "correlation"])


def runs_with(**columns):
    """A table of one data set, setting and readout."""
    count = len(next(iter(columns.values())))
    return pd.DataFrame(
        {"dataset": "cars", "setting": "a", "variant": "a", "readout": "aligned"}
        | {"run": [str(i) for i in range(count)], "seed": range(count)}
        | columns
    )


def test_criteria_and_their_combination_choose_as_by_hand():
    """Ranks by ELBO 1 2 3 4, by UDR 3 4 2 1, by DtO, where small is good, 2 3 4 1."""
    table = runs_with(
        elbo=[-40.0, -30.0, -20.0, -10.0],
        udr=[0.3, 0.4, 0.2, 0.1],
        distance_to_orthogonality=[0.7, 0.6, 0.5, 0.8],
        mig=[0.1, 0.9, 0.3, 0.2],
    )
    found = summary.selection(table).set_index("criterion")
    chosen = {"elbo": 0.2, "udr": 0.9, "distance_to_orthogonality": 0.3, "combined": 0.9}
    assert found["chosen"].to_dict() == chosen
    assert found["mean"].eq(0.375).all() and found["best"].eq(0.9).all()
    # Spearman's by hand: ranks of MIG are 1 4 3 2
    assert found["correlation"]["elbo"] == pytest.approx(1 - 6 * (4 + 4) / (4 * 15))
    # mean ranks 6 9 9 6, and with 1.5 3.5 3.5 1.5: covariance 2 over the root of 4 times 5
    assert found["correlation"]["combined"] == pytest.approx(4 / np.sqrt(4 * 5))
    assert found["low"].isna().all()  # four runs


def test_criteria_that_no_two_runs_share_are_not_combined():
    """As in a stopped study: UDR of the setting with two seeds, DtO of one that has axes."""
    table = runs_with(
        elbo=[-4.0, -3.0, -2.0, -1.0],
        udr=[0.3, 0.4, np.nan, np.nan],
        distance_to_orthogonality=[np.nan, np.nan, 0.5, 0.8],
        mig=[0.1, 0.9, 0.3, 0.2],
    )
    found = summary.selection(table).set_index("criterion")["chosen"]
    assert found.to_dict() == {"elbo": 0.2, "udr": 0.9, "distance_to_orthogonality": 0.3}


def test_the_interval_of_a_rank_correlation_covers_the_true_one():
    """Normal pairs of correlation 0.6: Spearman's is 6 / pi * arcsin(0.3) = 0.582.

    Of 200 intervals of 95%, at least 180 must cover it: fewer have a probability below 0.002
    where the coverage is 95%; with half the interval's width it is 67%.
    """
    draws = np.random.RandomState(1).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], (200, 60))
    truth, covered = 6 / np.pi * np.arcsin(0.3), 0
    for pairs in draws:
        table = runs_with(elbo=pairs[:, 0], mig=pairs[:, 1])
        (row,) = summary.selection(table, resamples=300).to_dict("records")
        covered += row["low"] <= truth <= row["high"]
    assert 180 <= covered < 200


def test_a_combination_of_two_noisy_criteria_predicts_better_than_either():
    """Criteria that are the score plus noise of its size: correlation 0.71 each, 0.82 of both."""
    noise = np.random.RandomState(0).standard_normal((3, 4000))
    table = runs_with(mig=noise[0], elbo=noise[0] + noise[1], udr=noise[0] + noise[2])
    found = summary.selection(table, resamples=10).set_index("criterion")["correlation"]

    def spearman(pearson):
        return 6 / np.pi * np.arcsin(pearson / 2)

    assert found["elbo"] == pytest.approx(spearman(np.sqrt(1 / 2)), abs=0.03)
    assert found["combined"] == pytest.approx(spearman(np.sqrt(2 / 3)), abs=0.03)


def test_the_setting_of_a_variant_is_chosen_by_its_median_udr():
    """`flat 2` has the best score, and the best single UDR; `flat 1` the best median."""
    rows = [
        ("flat 1", "flat", [0.5, 0.5, 0.5], 0.1),
        ("flat 2", "flat", [0.9, 0.1, 0.2], 0.9),
        ("sphere", "sphere", [np.nan] * 3, 0.4),
        ("none 1", "none", [np.nan] * 3, 0.4),
        ("none 2", "none", [np.nan] * 3, 0.4),
    ]
    table = pd.DataFrame(
        {"dataset": "cars", "readout": "aligned", "setting": setting, "variant": variant}
        | {"udr": value, "mig": mig}
        for setting, variant, udr, mig in rows
        for value in udr
    )
    chosen = summary.chosen_settings(table)
    assert chosen["setting"].tolist() == ["flat 1"] * 3 + ["sphere"] * 3


def test_the_page_stands_alone_and_escapes_names(table, make_study, tmp_path):
    folder = StudyFolder(tmp_path / "study")
    folder.path.mkdir()
    table["setting"] = table["setting"].replace("flat", "<flat>")
    with open_stream(folder.stream) as stream:
        stream.add(table.to_dict("records"))
    assert len(read_table(folder.stream)) == 4
    a_study = make_study(variants={"sphere": [], "flat": ["a.b = 1"]}, baselines=["flat"])
    failure = {"setting": "x", "dataset": "y", "seed": 0, "times": 2, "status": 1, "log": "why"}
    write_page(a_study, folder, read_table(folder.stream), [failure])
    text = folder.report.read_text()
    assert "0.400 ± 0.141" in text
    assert "&lt;flat&gt;" in text and "<flat>" not in text
    assert "why" in text
    assert not re.search(r"""(?:src|href)=["'](?!data:|#|runs/)""", text)


def test_udr_compares_seeds_of_one_setting(table, tmp_path):
    folder = StudyFolder(tmp_path)
    codes = np.random.RandomState(0).standard_normal((500, 3))
    other = np.random.RandomState(1).standard_normal((500, 3))
    for run, each in {
        "sphere0": codes,
        "sphere1": -codes[:, [2, 0, 1]],
        "flat0": codes,
        "flat1": other,
    }.items():
        (tmp_path / "runs" / run).mkdir(parents=True)
        np.savez(tmp_path / "runs" / run / CODES, embedding=each)
    scores = with_udr(table, folder).set_index("run")["udr"]
    assert min(scores["sphere0"], scores["sphere1"]) > 0.85
    assert max(scores["flat0"], scores["flat1"]) < 0.1


def test_an_empty_study_has_a_page(make_study, tmp_path):
    folder = StudyFolder(tmp_path / "study")
    folder.path.mkdir()
    write_page(make_study(), folder, read_table(folder.stream))
    assert "0 of 4 runs" in folder.report.read_text()


def test_a_score_that_failed_is_said(make_study, tmp_path, capsys):
    a_study, folder = make_study(seeds=[0, 1], sweep={}), StudyFolder(tmp_path / "study")
    for spec in a_study.runs():
        leave_result(folder.path, a_study, spec)
    state, why = Progress(total=2, skipped=2), "infoc of embedding: it comes out as nan"
    assert summarise(a_study, folder, state, new_console()) == 0
    assert "not scored" not in capsys.readouterr().out
    result = folder.run(next(a_study.runs())) / "result.json"
    result.write_text(json.dumps(json.loads(result.read_text()) | {"failed": [why]}))
    assert summarise(a_study, folder, state, new_console()) == 1
    assert f"not scored on turntable in 1 of 2 runs: {why}" in capsys.readouterr().out


def test_a_study_without_a_score_to_rank_shows_what_was_measured(make_study, tmp_path, capsys):
    a_study, folder = make_study(seeds=[0, 1], sweep={}), StudyFolder(tmp_path / "study")
    folder.path.mkdir()
    rows = [
        {"setting": "S1", "variant": "S1", "dataset": "turntable", "seed": seed, "run": str(seed)}
        | {"readout": "embedding", "elbo": -9.0, "reconstruction": 23.0 + 2 * seed}
        | {"winding_number": 1}
        for seed in (0, 1)
    ]
    with open_stream(folder.stream) as stream:
        stream.add(rows)
    assert summarise(a_study, folder, Progress(total=2, skipped=2), new_console()) == 0
    shown = capsys.readouterr().out
    # 23 and 25: mean 24, standard deviation sqrt(2)
    assert "winding_number" in shown and "24.000 ± 1.414" in shown
