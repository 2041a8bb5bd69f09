"""The protocol challenge2019 against the evaluator of 2019 itself (make test-evaluator)."""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from deltavae import gin_files
from deltavae.scoring.challenge import BY_PROTOCOL, METRICS, run_metric
from deltavae.scoring.draws import IndexedData
from deltavae.scoring.score_specs import CHALLENGE

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
USED = ("factor_vae_score", "prune_dims", "dci", "mig", "discretizer", "sap_score", "irs")


@pytest.fixture(scope="module")
def old_python():
    folder = Path(os.environ.get("EVALUATOR_2019", ROOT / "scratch" / "evaluator2019"))
    script = ROOT / "scripts" / "evaluator_2019.sh"
    built = subprocess.run(["sh", script, folder], capture_output=True, text=True, check=False)
    if built.returncode == 3:
        pytest.skip(built.stderr.strip())
    assert built.returncode == 0, built.stderr
    return folder / "bin" / "python"


@pytest.mark.evaluator
def test_both_stacks_give_the_same_scores(tmp_path, old_python):
    sizes = [4, 12, 15]
    data = IndexedData(sizes, [0, 1, 2], ["a", "b", "c"])
    factors = data.factors(np.arange(data.num_images))
    rs = np.random.RandomState(0)
    angle = 2 * np.pi * factors[:, 1] / 12
    mixed = np.column_stack([factors[:, 0] / 2, np.cos(angle), np.sin(angle), factors[:, 2] / 7])
    codes = mixed @ rs.randn(4, 6) + 0.2 * rs.randn(len(mixed), 6)
    codes = (codes / np.linalg.norm(codes, axis=1, keepdims=True)).astype(np.float32)
    settings = "\n".join(
        (gin_files.folder() / "metrics" / name).read_text() for name in ("study.gin", "fast.gin")
    )
    lines = [line for line in settings.splitlines() if line.split(".")[0] in USED]
    (tmp_path / "settings.gin").write_text("\n".join(lines))
    np.savez(tmp_path / "codes.npz", codes=codes, sizes=sizes)
    arguments = [HERE / "scores_2019.py", tmp_path / "codes.npz", tmp_path / "settings.gin"]
    ran = subprocess.run([old_python, *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    theirs = json.loads(ran.stdout.splitlines()[-1])
    for metric in CHALLENGE:
        result = run_metric(
            metric, data, codes.__getitem__, settings="fast", protocol="challenge2019"
        )
        tolerance = {"dci": 0.003, "sap_score": 2e-4}.get(metric, 1e-6)
        ours = result[METRICS[metric].scores[metric]]
        assert ours == pytest.approx(theirs[metric], abs=tolerance), metric
    assert set(BY_PROTOCOL) == {"dci", "sap_score"}
