"""Each baseline trained, killed, resumed, exported, loaded in TensorFlow 1.13.1 and scored.

With BASELINE_STEPS=2000 in the environment it is a training of some minutes each.
"""

import json
import os
import signal
import subprocess

import numpy as np
import pytest

import deltavae
from tests.conftest import ROOT, run_script
from tests.evaluator.test_objectives import BASELINES
from tests.faults.process import start, wait_for

pytestmark = [pytest.mark.evaluator, pytest.mark.slow]
STEPS = int(os.environ.get("BASELINE_STEPS", "60"))


@pytest.mark.parametrize("name", BASELINES)
def test_killed_resumed_exported_and_scored(python_2019, tmp_path, name):
    path = tmp_path / "run"
    bindings = [f"train.steps = {STEPS}", f"train.steps_per_epoch = {STEPS // 4}"]
    process = start(
        path,
        f"--gin_config=gin/baselines/{name}.gin",
        *(f"--gin_bindings={binding}" for binding in bindings),
    )
    wait_for(path / "model/checkpoints/epoch-000002", process, seconds=7200)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (path / "representation").exists()
    done = run_script("train.py", "--resume", f"--output_dir={path}")
    assert done.returncode == 0, done.stderr
    history = json.loads((path / "model/history.json").read_text())
    assert [row["step"] for row in history] == [STEPS // 4 * i for i in (1, 2, 3, 4)]
    assert history[-1]["reconstruction"] < history[0]["reconstruction"]

    run = deltavae.load_run(path)
    images = run.data.images(np.arange(32) * (run.data.num_images // 32))
    np.save(tmp_path / "images.npy", images)
    module, script = path / "representation/tfhub", ROOT / "tests/evaluator/codes_2019.py"
    subprocess.run(
        [python_2019, "-W", "ignore", script, module, tmp_path / "images.npy", tmp_path / "c.npy"],
        check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")},
    )
    codes = run.model.representation(images).numpy()
    np.testing.assert_allclose(np.load(tmp_path / "c.npy"), codes, atol=2e-5)

    done = run_script(
        *("evaluate.py", "--run_dir", str(path), "--metrics", "all", "--settings", "fast")
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads((path / "scores.json").read_text())
    assert {"mig", "dci", "mcc", "infom", "dci_forest"} <= set(json.dumps(scores).split('"'))
