"""The Python of the README and of examples/, run as it stands."""

import os
import re
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_the_readme_as_a_library(trained_run, tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    (tmp_path / "scratch/shared").mkdir(parents=True)
    os.symlink(trained_run, tmp_path / "scratch/shared/demo")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(code, names)
    assert names["codes"].shape == (3, 11)
    z = names["q"].sample(seed=(0, 1)).numpy()
    assert abs((z**2).sum(axis=-1) - 1).max() < 1e-5  # points of the sphere have length 1
    assert names["decoded"].shape == (3, 64, 64, 3)


def test_the_example(capsys):
    runpy.run_path(str(ROOT / "examples/latent_distributions.py"))
    assert "von Mises-Fisher" in capsys.readouterr().out
