"""Faults that hit `train.py` from outside, on real processes.

The first test is the lean one; the slow ones (`make test-slow`) try each fault at several
moments and end with a summary of the faults tried, those survived, and the data lost.
"""

import functools
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys

import pytest

from deltavae.errors import UserError
from deltavae.io import locked
from tests.conftest import ROOT, run_script
from tests.faults.process import outcome, resume, start, wait_for


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    process = start(path)

    @functools.cache
    def wait():
        _, told = process.communicate()
        assert process.returncode == 0, told
        return outcome(path)

    return wait


def interrupt(path, number, *arguments):
    """Start on `path`, send the signal soon after the next checkpoint; the status and words."""
    before = len(list(path.glob("model/checkpoints/epoch-??????")))
    process = start(path, *arguments)
    wait_for(path / f"model/checkpoints/epoch-{before + 1:06d}", process)
    process.send_signal(number)
    _, told = process.communicate()
    return process.returncode, told


def test_killed_then_stopped_then_resumed_equals_uninterrupted(tmp_path, whole):
    path = tmp_path / "run"
    assert interrupt(path, signal.SIGKILL)[0] == -signal.SIGKILL
    status, told = interrupt(path, signal.SIGTERM, "--resume")
    assert status == 143
    assert f"train.py --resume --output_dir {path}" in told.splitlines()[-1]
    resume(path)
    assert outcome(path) == whole()


def test_a_lock_dies_with_its_owner(tmp_path):
    code = f"""
import time
from deltavae.io import locked
with locked({str(tmp_path)!r}):
    print("held", flush=True)
    time.sleep(60)
"""
    owner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout.readline() == b"held\n"
    with pytest.raises(UserError, match=f"locked by process {owner.pid} on"), locked(tmp_path):
        pass
    owner.kill()
    owner.wait()
    with locked(tmp_path):
        pass


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(6))
def test_killed_at_a_random_moment(tmp_path, whole, moment, survived):
    path = tmp_path / "run"
    pause = random.Random(moment).uniform(0.0, 6.0)
    process = start(path)
    wait_for(path / "model/config.gin", process)
    try:
        process.wait(pause)  # it may have ended by then: resuming that must do no harm either
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    resume(path)
    assert outcome(path) == whole()
    survived(f"SIGKILL {pause:.2f} s after the start of training")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_stopped(tmp_path, whole, number, status, survived):
    path = tmp_path / "run"
    got, told = interrupt(path, number)
    assert got == status
    assert "--resume" in told
    resume(path)
    assert outcome(path) == whole()
    survived(signal.Signals(number).name)


@pytest.mark.slow
def test_on_the_grader_sigterm_exports(tmp_path, survived):
    path = tmp_path / "out" / "entry"
    process = start(
        path,
        AICROWD_IS_GRADING="",
        AICROWD_OUTPUT_PATH=str(tmp_path / "out"),
        AICROWD_EVALUATION_NAME="entry",
        AICROWD_DATASET_NAME="turntable",
        DISENTANGLEMENT_LIB_DATA=str(tmp_path),
    )
    wait_for(path / "model/checkpoints/epoch-000001", process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert (path / "representation/tfhub/saved_model.pb").is_file()
    survived("SIGTERM on the grader: exported")


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["truncated", "emptied", "flipped", "removed"])
def test_broken_newest_checkpoint(tmp_path, whole, damage, survived):
    path = tmp_path / "run"
    interrupt(path, signal.SIGKILL)
    interrupt(path, signal.SIGKILL, "--resume")
    newest = sorted(path.glob("model/checkpoints/epoch-*"))[-1] / "variables.npz"
    content = bytearray(newest.read_bytes())
    if damage == "removed":
        newest.unlink()
    else:
        content[len(content) // 2] ^= 4
        cut = {"truncated": content[: len(content) // 2], "emptied": b"", "flipped": content}
        newest.write_bytes(cut[damage])
    told = resume(path)
    assert "is broken" in told
    assert outcome(path) == whole()
    survived(f"newest checkpoint {damage}")


@pytest.mark.slow
def test_concurrent_start(tmp_path, whole, survived):
    path = tmp_path / "run"
    first = start(path)
    wait_for(path / "model/checkpoints", first)
    first.send_signal(signal.SIGSTOP)  # holds its lock for as long as the second one tries
    second = run_script("train.py", "--resume", f"--output_dir={path}")
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 2
    assert f"locked by process {first.pid}" in second.stderr
    assert first.wait() == 0
    assert outcome(path) == whole()
    survived("concurrent start")


@pytest.mark.slow
def test_full_disk(tmp_path, whole, survived):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs root and the right to mount a small tmpfs")
    try:
        path = disk / "run"
        process = start(path)
        _, told = process.communicate()
        assert process.returncode == 2, told
        assert "the disk is full" in told.splitlines()[-1]
        kept = tmp_path / "run"
        shutil.copytree(path, kept)
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    assert not list(kept.glob("model/checkpoints/.*"))
    resume(kept)
    assert outcome(kept) == whole()
    survived("full disk")


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", "train.steps = ", "train.stepz = 3", "\0\1\2"])
def test_broken_configuration(tmp_path, whole, content, survived):
    path = tmp_path / "run"
    interrupt(path, signal.SIGKILL)
    config = path / "model/config.gin"
    good = config.read_text()
    config.write_text(content)
    done = run_script("train.py", "--resume", f"--output_dir={path}")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    config.write_text(good)
    resume(path)
    assert outcome(path) == whole()
    survived(f"configuration {content!r}")


@pytest.mark.slow
def test_clock_going_backwards(tmp_path, whole, survived):
    path, patch = tmp_path / "run", tmp_path / "patch"
    patch.mkdir()
    pathlib.Path(patch / "sitecustomize.py").write_text(
        "import time\n"
        "_real, _begun = time.time, time.time()\n"
        "time.time = lambda: 2 * _begun - _real() - 1e6\n"
    )
    process = start(path, PYTHONPATH=str(patch))
    _, told = process.communicate()
    assert process.returncode == 0, told
    assert outcome(path) == whole()
    survived("clock going backwards")
