"""Runs made before the modules were grouped into packages: loaded, resumed, scored."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import deltavae
from deltavae.export.representation import load_representation

ROOT = pathlib.Path(__file__).resolve().parents[1]
NAMES = ["sphere", "torus"]
SCORING = ("--settings=fast", "--metrics=mig,sap_score,dci,unsupervised", "--noreport")
RESUME_AND_SCORE = f"""
import sys
from deltavae.cli.main import main
assert main(["train", "--resume", f"--output_dir={{sys.argv[1]}}"]) == 0  # only exports again
for name in sys.argv[1:]:
    resume = ["train", "--resume", f"--output_dir={{name}}", "--gin_bindings=train.steps = 60"]
    score = ["evaluate", f"--run_dir={{name}}", *{SCORING}]
    assert main(resume) == 0 and main(score) == 0
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A copy of the runs, current folder as when they were made."""
    folder = tmp_path / "old_runs"
    shutil.copytree(ROOT / "tests" / "old_runs", folder)
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".gin"):
            path.write_text(path.read_text().replace("DATASET", str(folder / "images.npz")))
    monkeypatch.chdir(folder)
    return folder


def read(path):
    return json.loads(path.read_text())


def codes_of(run):
    (file,) = (run / "metrics" / "codes").glob("*.npz")
    with np.load(file) as arrays:
        assert arrays["indices"].tolist() == list(range(36))
        return arrays["codes"]


@pytest.mark.parametrize("name", NAMES)
def test_the_model_and_the_module_give_the_codes_they_gave(runs, name):
    run = deltavae.load_run(runs / name)
    images = run.data.images(np.arange(36))
    expected = codes_of(runs / name)
    np.testing.assert_allclose(run.model.representation(images), expected, atol=1e-5)
    module = load_representation(runs / name / "representation" / "tfhub")
    np.testing.assert_allclose(module(images), expected, atol=1e-5)
    assert [row["step"] for row in run.history] == [10, 20, 30, 40]


@pytest.mark.parametrize("name", NAMES)
def test_the_scores_are_those_they_had(runs, name, command):
    before = read(runs / name / "scores.json")["scores"]
    shutil.rmtree(runs / name / "metrics")  # encoded codes may not come from then
    done = command("evaluate", f"--run_dir={name}", *SCORING)
    assert done.returncode == 0, done.stderr
    after = read(runs / name / "scores.json")["scores"]
    assert len(before) == 8
    assert {key: after[key] for key in before} == pytest.approx(before, rel=1e-3, abs=1e-4)


def test_resumed_they_come_to_where_they_came(runs):
    os.truncate(runs / NAMES[0] / "representation" / "tfhub" / "saved_model.pb", 1000)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AICROWD")}
    done = subprocess.run(
        # in a process of its own, since the runs are deterministic, which is switched on for good
        [sys.executable, "-c", RESUME_AND_SCORE, *NAMES],
        env=clean | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in NAMES:
        expected, found = (
            read(runs / name / "history_60.json"),
            read(runs / name / "model/history.json"),
        )
        assert [row["step"] for row in found] == [10, 20, 30, 40, 50, 60]
        for old, new in zip(expected, found, strict=True):
            del old["seconds"]
            assert {key: new[key] for key in old} == pytest.approx(old, rel=1e-4)
        scores, expected = (
            read(runs / name / "scores.json")["scores"],
            read(runs / name / "scores_60.json"),
        )
        # more than rounding: a code that crosses the border of a bin changes a score
        assert {key: scores[key] for key in expected} == pytest.approx(
            expected, rel=1e-2, abs=1e-3
        )
