"""Runs that train nothing: real processes, a few milliseconds each."""

import json
import sys
from pathlib import Path

import pytest

import deltavae
from deltavae.studies import study

# Leaves the result of a run whose score is ten times its seed. What the run's folder holds
# decides what goes wrong first: `fail` counts failures to come, `hang` says to wait.
STUB = """
import json, os, pathlib, sys, time
spec = json.loads(pathlib.Path(sys.argv[1]).read_text())
folder = pathlib.Path(sys.argv[1]).parent
study = folder.parents[1]
with (folder / "starts").open("a") as file:
    file.write(f"{os.getpid()}\\n")
fail = study / f"fail-{spec['run']['seed']}"
if fail.exists() and len((folder / "starts").read_text().split()) <= int(fail.read_text()):
    print("no such luck")
    sys.exit(int((study / "status").read_text()) if (study / "status").exists() else 1)
if (study / "hang").exists():
    time.sleep(60)
run = spec["run"]
rows = [
    {"setting": run["setting"], "variant": run["variant"], "dataset": run["dataset"],
     "seed": run["seed"], "readout": readout, "run": folder.name, "mig": 10 * run["seed"]}
    for readout in spec["scoring"]["readouts"]
]
result = {"version": spec["version"], "scoring": sys.argv[2], "rows": rows}
(folder / "result.json").write_text(json.dumps(result))
"""


@pytest.fixture
def stub(tmp_path):
    """Command of a run for a study's scoring."""
    script = tmp_path / "stub.py"
    script.write_text(STUB)

    def command_for(a_study):
        return lambda spec_file: [
            sys.executable,
            "-S",
            str(script),
            str(spec_file),
            a_study.scoring.id,
        ]

    return command_for


@pytest.fixture
def make_study(tmp_path):
    """A small study over one gin file; keywords replace or add arguments."""
    config = tmp_path / "base.gin"
    config.write_text("train.steps = 1\n")

    def make(**changes):
        arguments = {
            "name": "small",
            "gin_configs": [str(config)],
            "sweep": {"Hypersphere.dim": [10, 20]},
            "seeds": [0, 1],
            "datasets": ["turntable"],
        }
        return study(**{**arguments, **changes})

    return make


def leave_result(folder: Path, a_study, spec) -> None:
    """What a finished run leaves."""
    path = folder / "runs" / spec.id
    path.mkdir(parents=True, exist_ok=True)
    content = {"version": deltavae.__version__, "scoring": a_study.scoring.id, "rows": []}
    (path / "result.json").write_text(json.dumps(content))
