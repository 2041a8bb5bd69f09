"""Runs of `train.py` to be broken."""

import json
import os
import subprocess
import sys
import time

from tests.conftest import ROOT

SETTINGS = (
    "steps = 60",
    "steps_per_epoch = 10",
    "batch_size = 16",
    "deterministic = True",
)


def start(path, *arguments, **environment):
    """Begin a run in that folder, or go on with it."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AICROWD")}
    settings = [f"--gin_bindings=train.{binding}" for binding in SETTINGS]
    given = any(each.startswith(("--resume", "--gin_config")) for each in arguments)
    first = () if given else ("--gin_config=gin/trial.gin", *settings)
    return subprocess.Popen(
        [sys.executable, "train.py", f"--output_dir={path}", *first, *arguments],
        cwd=ROOT,
        env=clean | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def resume(path):
    """Go on with a run to its end; what it said."""
    process = start(path, "--resume")
    _, told = process.communicate()
    assert process.returncode == 0, told
    return told


def wait_for(path, process, seconds=180):
    """Until that file is there."""
    wait_until(path.exists, process, seconds)


def wait_until(reached, process, seconds=180):
    """Until that is so; the process must still be there."""
    deadline = time.monotonic() + seconds
    while not reached():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"{reached} has not come true"
        time.sleep(0.01)


def outcome(path):
    """All that a fault must not change: history, final state, exported module."""
    rows = json.loads((path / "model/history.json").read_text())
    for row in rows:
        del row["seconds"]
    last = sorted(path.glob("model/checkpoints/epoch-??????"))[-1]
    exported = path / "representation/tfhub/saved_model.pb"
    return rows, (last / "variables.npz").read_bytes(), exported.read_bytes()
