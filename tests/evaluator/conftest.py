"""The challenge's evaluator of 2019, built once for all tests that need it."""

import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def python_2019() -> pathlib.Path:
    """The Python of the stack of 2019: TensorFlow 1.13.1 and disentanglement_lib 1.2."""
    folder = pathlib.Path(os.environ.get("EVALUATOR_2019", ROOT / "scratch" / "evaluator2019"))
    done = subprocess.run(
        [str(ROOT / "scripts" / "evaluator_2019.sh"), str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 3:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    return folder / "bin" / "python"
