"""Shared fixtures: one short training on the built-in set, made once for all tests."""

import os
import pathlib
import subprocess
import sys

import hypothesis
import pytest

from deltavae.cli.main import main

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# the same examples in every run
hypothesis.settings.register_profile("fixed", derandomize=True)
hypothesis.settings.load_profile("fixed")
ROOT = pathlib.Path(__file__).resolve().parents[1]


def run_script(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of the repository's scripts or modules as a user would."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AICROWD")}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(autouse=True)
def _fixed_seed() -> None:
    """Weights and draws that a test does not seed itself are the same in every run of it."""
    if "keras" in sys.modules:  # most tests need no TensorFlow
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `deltavae` with those arguments in this process; gives status, output and errors."""
    _forget_platform(monkeypatch)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        capsys.readouterr()
        status = main(arguments)
        printed = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, printed.out, printed.err)

    return run


def _forget_platform(patch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AICROWD"):
            patch.delenv(name)


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory) -> pathlib.Path:
    """A run folder: 60 steps of gin/trial.gin in three epochs."""
    path = tmp_path_factory.mktemp("trained") / "run"
    arguments = (
        "train",
        "--gin_config=gin/trial.gin",
        "--gin_bindings=train.steps = 60",
        "--gin_bindings=train.steps_per_epoch = 20",
        f"--output_dir={path}",
    )
    with pytest.MonkeyPatch.context() as patch:
        _forget_platform(patch)
        assert main(arguments) == 0
    return path
