"""The process of one run: it ends with its parent, and a real one leaves a result."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from deltavae.cli import study_worker
from deltavae.data import ArrayData, Factor
from deltavae.io import read_json, write_json
from deltavae.run_dir import RunDir, folder_to_train_in
from deltavae.studies import LocalEngine, StudyFolder, run_study
from deltavae.studies.results_table import read_table
from deltavae.studies.udr_of_runs import with_udr

CHILD = """
import os, pathlib, sys, time
from deltavae.cli.study_worker import watch_parent
watch_parent()
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
time.sleep(60)
"""
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_run_ends_when_its_parent_does(tmp_path):
    note = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, str(note)])
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    child = int(note.read_text())
    assert alive(child)
    parent.kill()
    parent.wait()
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.1)
    ended = not alive(child)
    if not ended:
        os.kill(child, signal.SIGKILL)
    assert ended


def test_a_run_that_ended_before_its_first_checkpoint_is_begun_again(tmp_path, monkeypatch):
    """Its folder `model` may be there and empty, such as after a full disk."""
    (tmp_path / "model").mkdir()
    run = {"gin_configs": ["gin/base.gin"], "bindings": [], "seed": 0, "dataset": "turntable"}
    asked = []
    monkeypatch.setattr("deltavae.cli.train.train_command", lambda **given: asked.append(given))
    study_worker._train(run, RunDir(tmp_path))
    (given,) = asked
    found = folder_to_train_in(
        tmp_path, resume=given["resume"], overwrite=given["overwrite"], configured=True
    )
    assert found.path == tmp_path


def test_a_binding_that_other_variants_read_stops_no_run(tmp_path, monkeypatch):
    """The study has been checked: it may bind the dimension of a part that this run has not."""
    trained = []
    monkeypatch.setattr("deltavae.training.train.train", lambda *given, **_: trained.append(given))
    run = {"gin_configs": ["gin/base.gin"], "bindings": ["GaussianPosterior.dim = 3"], "seed": 7}
    study_worker._train(run | {"dataset": "turntable_azimuth"}, RunDir(tmp_path))
    ((model, _, settings, *_),) = trained
    assert model.posterior.manifold.dim == 10 and settings.seed == 7


def test_principal_components_of_the_pixels_are_scored_as_codes(tmp_path, monkeypatch):
    """Two pixels hold the two factors, with 20 times the variance: a component for each."""
    grid = np.indices((8, 6)).reshape(2, -1)
    images = np.zeros((48, 64, 64, 1), np.uint8)
    images[:, 0, 0, 0], images[:, 9, 9, 0] = 30 * grid[0], 10 * grid[1]
    data = ArrayData("two", [Factor("a", 8), Factor("b", 6)], images)
    monkeypatch.setattr("deltavae.data.load", lambda name: data)
    scoring = {"metrics": ["mig"], "readouts": ["aligned"], "settings": "fast"}
    run = {"setting": "PCA of pixels", "variant": "PCA of pixels", "dataset": "two", "seed": 3}
    spec = {"version": "1", "run": run | {"values": {}, "cores": 1, "pixels": 2}}
    write_json(tmp_path / "spec.json", spec | {"scoring": scoring})
    study_worker.carry_out(tmp_path / "spec.json")
    (row,) = read_json(tmp_path / "result.json")["rows"]
    assert (row["readout"], row["seed"], row["variant"]) == ("embedding", 3, "PCA of pixels")
    assert row["mig"] > 0.95
    assert "elbo" not in row


@pytest.mark.slow
def test_real_runs_train_score_and_go_on_from_what_is_there(make_study, tmp_path):
    """Two seeds; then a second readout is added, and nothing is trained again."""
    arguments = {
        "gin_configs": ["gin/trial.gin"],
        "bindings": ["train.steps = 4", "train.steps_per_epoch = 2", "train.holdout = 0.1"],
        "sweep": {"Hypersphere.dim": [3]},
        "metrics": ["mig"],
        "settings": "fast",
    }
    folder = StudyFolder(tmp_path / "study")
    one = make_study(**arguments)
    assert run_study(one, folder, LocalEngine).done == 2
    first = pd.read_csv(folder.table)
    trained = [folder.run(spec) / "model" / "model.keras" for spec in one.runs()]
    times = [path.stat().st_mtime_ns for path in trained]
    two = make_study(**arguments, readouts=["embedding", "aligned"])
    assert run_study(two, folder, LocalEngine).done == 2
    assert [path.stat().st_mtime_ns for path in trained] == times
    table = with_udr(read_table(folder.stream), folder)
    assert list(table["readout"]) == ["aligned", "aligned", "embedding", "embedding"]
    same = table[table["readout"] == "embedding"]["mig"].tolist()
    assert same == pytest.approx(first["mig"].tolist())
    assert table["udr"].between(0, 1).all()
    assert table[["mig", "elbo", "held_out_elbo", "information"]].notna().all(axis=None)
    assert table["train_seconds"].gt(0).all()
