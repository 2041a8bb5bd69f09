"""The leaderboard's ranking on an example worked out by hand."""

import json

import numpy as np
import pytest

from deltavae.cli.main import main
from deltavae.run_dir import RunDir
from deltavae.scoring.comparison import challenge_places, compare, labels
from deltavae.scoring.score_specs import CHALLENGE

# Entries in order of submission: ann's two, bob's two, eve's one.
#          fac  dci  mig  sap  irs
ANN_1 = [0.9, 0.5, 0.3, 0.1, 0.5]
ANN_2 = [0.8, 0.6, 0.3, 0.1, 0.4]
BOB_1 = [0.9, 0.4, 0.2, 0.2, 0.5]
BOB_2 = [0.1, 0.7, 0.1, 0.0, 0.3]
EVE_1 = [0.7, 0.3, 0.4, 0.0, 0.6]
SCORES = np.array([ANN_1, ANN_2, BOB_1, BOB_2, EVE_1])
WHOSE = ["ann", "ann", "bob", "bob", "eve"]
# Ranks of all five, ties sharing the better one:
#   fac:  ann_1 1, bob_1 1, ann_2 3, eve 4, bob_2 5
#   dci:  bob_2 1, ann_2 2, ann_1 3, bob_1 4, eve 5
#   mig:  eve 1, ann_1 2, ann_2 2, bob_1 4, bob_2 5
#   sap:  bob_1 1, ann_1 2, ann_2 2, bob_2 4, eve 4
#   irs:  eve 1, ann_1 2, bob_1 2, ann_2 4, bob_2 5
# sums: ann_1 10, ann_2 13, bob_1 12, bob_2 20, eve 15. ann_1 is ann's best; ann leaves.
# Of bob_1, bob_2, eve: fac 1 3 2, dci 2 1 3, mig 2 3 1, sap 1 2 2, irs 2 3 1: sums 8, 12, 9.
# bob_1 is bob's best; eve is left. Of ann_1, bob_1, eve:
#   fac 1 1 3, dci 1 2 3, mig 2 3 1, sap 2 1 3, irs 2 2 1: sums 8, 9, 11.


def test_by_hand():
    places = challenge_places(SCORES, WHOSE)
    assert [place.entry for place in places] == [0, 2, 4]
    assert [place.mean_rank for place in places] == pytest.approx([8 / 5, 9 / 5, 11 / 5])


def test_the_order_of_submission_decides_equal_mean_ranks():
    equal = np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 1.0]])
    assert [p.entry for p in challenge_places(equal, ["c", "a", "b"])] == [1, 2, 0]
    # 2.0 twice shares rank 1, so the first entry's ranks are 3 and 1, the others' 1 and 2
    swapped = challenge_places(equal[:2], ["b", "a"])
    assert [p.entry for p in swapped] == [0, 1]
    assert {p.mean_rank for p in swapped} == {1.5}


@pytest.fixture
def runs(tmp_path):
    folders = []
    for row, name in zip(SCORES, ["a1", "a2", "b1", "b2", "e1"], strict=True):
        values = dict(zip(CHALLENGE, row.tolist(), strict=True))
        values["dci_2019"], values["sap_score_2019"] = values["dci"], values["sap_score"]
        values["dci"] = values["sap_score"] = 0.5  # today's don't count
        content = {"dataset": "x", "protocol": "both", "settings": "study", "readout": "exported"}
        path = RunDir(tmp_path / name).scores
        path.parent.mkdir()
        path.write_text(json.dumps(content | {"scores": values}))
        folders.append(str(path.parent))
    return folders


def cells(text, row):
    lines = [line for line in text.splitlines() if "│" in line]
    line = next(line for line in lines if line.split("│")[1].strip() == row)
    return [cell.strip() for cell in line.split("│")[2:-1]]


def test_the_command(runs, capsys):
    named = [f"{name}={run}" for name, run in zip(WHOSE, runs, strict=True)]
    assert main(["evaluate", "--compare", *named, "--ranking", "challenge"]) == 0
    text = "\n".join(x for x in capsys.readouterr().out.splitlines() if x.count("│") > 2)
    assert cells(text, "mean rank") == ["1.60", "", "1.80", "", "2.20"]
    assert cells(text, "place") == ["1", "", "2", "", "3"]
    assert main(["evaluate", "--compare", *runs]) == 0
    assert "ties averaged" in capsys.readouterr().out


def test_a_table_is_whole_where_there_is_no_terminal(runs, capsys):
    # 1 + 20 columns: far more than the 80 characters of a terminal that is not there
    assert main(["evaluate", "--compare", *runs * 4]) == 0
    text = capsys.readouterr().out
    assert cells(text, "mig") == [f"{row[2]:.4f}" for row in SCORES] * 4
    assert "…" not in text


def written(folder, kind="run", **readouts):
    """A folder of scores: for each readout its MIG and SAP."""
    columns = {
        name: {"scores": {"mig": mig, "sap_score": sap}, "failed": {}}
        for name, (mig, sap) in readouts.items()
    }
    first = next(iter(columns))
    content = {"dataset": "x", "protocol": "both", "settings": "study", "readout": first}
    content |= columns[first] | {"source": {"kind": kind, "path": "p", "sha256": "0"}}
    RunDir(folder).path.mkdir()
    more = {"readouts": columns} if len(columns) > 1 else {}
    RunDir(folder).scores.write_text(json.dumps(content | more))
    return str(folder)


def header(text):
    line = next(line for line in text.splitlines() if "score" in line and "┃" in line)
    return [cell.strip() for cell in line.split("┃")[2:-1]]


def test_every_readout_that_the_runs_share_has_a_column(tmp_path, command):
    a = written(tmp_path / "a", embedding=(0.1, 0.4), aligned=(0.3, 0.2), ica=(0.9, 0.9))
    b = written(tmp_path / "b", aligned=(0.4, 0.3), embedding=(0.2, 0.1))
    mine = written(tmp_path / "mine", "codes", embedding=(0.5, 0.5))
    shown = command("evaluate", "--compare", a, b).stdout
    assert header(shown) == ["a (embedding)", "a (aligned)", "b (embedding)", "b (aligned)"]
    assert cells(shown, "mig") == ["0.1000", "0.3000", "0.2000", "0.4000"]
    # mig puts them 4, 2, 3, 1 and sap_score 1, 3, 4, 2
    assert cells(shown, "mean rank") == ["2.50", "2.50", "3.50", "1.50"]
    shown = command("evaluate", "--compare", a, mine).stdout
    assert header(shown) == ["a (embedding)", "a (aligned)", "a (ica)", "mine (codes)"]
    # a file of codes hides no readout that the runs share, even one it does not have
    c = written(tmp_path / "c", aligned=(0.3, 0.2), angles=(0.9, 0.9))
    d = written(tmp_path / "d", angles=(0.1, 0.2), aligned=(0.4, 0.5))
    both = ["c (aligned)", "c (angles)", "d (aligned)", "d (angles)"]
    assert header(command("evaluate", "--compare", c, d).stdout) == both
    for files in ([c, d, mine], [mine, c, d]):
        shown = command("evaluate", "--compare", *files).stdout
        assert [each for each in header(shown) if each != "mine (codes)"] == both
        assert len(header(shown)) == 5
    other = written(tmp_path / "other", "codes", embedding=(0.1, 0.1))
    shown = command("evaluate", "--compare", mine, other).stdout
    assert header(shown) == ["mine (codes)", "other (codes)"]
    shown = command("evaluate", "--compare", a, mine, "--readouts", "ica,aligned").stdout
    assert header(shown) == ["a (ica)", "a (aligned)", "mine (codes)"]
    assert cells(shown, "sap_score") == ["0.9000", "0.2000", "0.5000"]
    refused = command("evaluate", "--compare", a, b, "--readouts", "ica")
    assert refused.returncode == 2 and "b was not scored under ica" in refused.stderr
    challenge = ("evaluate", "--ranking", "challenge", "--compare", a, b)
    assert header(command(*challenge).stdout) == ["a (embedding)", "b (aligned)"]
    assert header(command(*challenge, "--readouts", "aligned").stdout)[0] == "a (aligned)"
    assert command(*challenge, "--readouts", "aligned,embedding").returncode == 2


def test_runs_of_the_same_name_are_told_apart(tmp_path, command, monkeypatch):
    for name in ("seed0", "seed1"):
        (tmp_path / name).mkdir()
    first = written(tmp_path / "seed0" / "cars", embedding=(0.1, 0.4))
    monkeypatch.chdir(written(tmp_path / "seed1" / "cars", embedding=(0.2, 0.1)))
    mine = written(tmp_path / "mine", "codes", embedding=(0.5, 0.5))
    wanted = ["seed0/cars (embedding)", "seed1/cars (embedding)", "mine (codes)"]
    for ranking in ("mean", "challenge"):
        shown = command("evaluate", "--ranking", ranking, "--compare", first, ".", mine)
        assert header(shown.stdout) == wanted
    # one within another: the shorter path has no more parents to tell it apart by
    assert labels(["/cars", "/runs/cars", "/runs/cars"]) == ["/cars", "runs/cars", "runs/cars"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--output_dir", "out"], "received --output_dir"),
        (["--metrics", "mig", "--baselines"], "received --metrics, --baselines"),
        (["--seeds", "3"], "received --seeds"),
        (["--noreport"], "received --noreport"),
        (["--run_dir", "x"], "received --run_dir"),
    ],
)
def test_flags_of_scoring_are_refused_beside_compare(runs, capsys, given, says):
    assert main(["evaluate", "--compare", *runs, *given]) == 2
    assert says in capsys.readouterr().err


def test_udr_of_scores_that_do_not_name_their_source_is_refused(runs, capsys):
    assert main(["evaluate", "--compare", *runs, "--udr"]) == 2
    assert "does not say what was scored" in capsys.readouterr().err


def test_udr_is_of_a_run_and_not_of_a_readout(tmp_path):
    a = written(tmp_path / "a", embedding=(0.1, 0.4), aligned=(0.3, 0.2))
    b = written(tmp_path / "b", embedding=(0.2, 0.1), aligned=(0.4, 0.3))
    table = compare([a, b], {"udr": np.array([0.25, 0.75])})
    row = [column._cells[-2] for column in table.columns]
    assert row == ["udr (not ranked)", "0.2500", "", "0.7500", ""]


def test_scores_of_an_earlier_model_are_refused(runs, capsys):
    run = RunDir(runs[0])
    run.tfhub.mkdir(parents=True)
    (run.tfhub / "saved_model.pb").write_bytes(b"trained on")
    source = {"kind": "run", "path": runs[0], "sha256": "0" * 64}
    run.scores.write_text(json.dumps(json.loads(run.scores.read_text()) | {"source": source}))
    assert main(["evaluate", "--compare", *runs]) == 2
    assert "are of an earlier model of this run" in capsys.readouterr().err
