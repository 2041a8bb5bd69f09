"""Signals that reach `evaluate.py` while other processes compute its metrics."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.faults.process import wait_until

SERVER = "multiprocessing.forkserver"


def processes(group):
    """Command lines and processor seconds of all processes of a group but its zombies, by pid."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as stat, open(f"/proc/{pid}/cmdline") as command:
                state, _, its_group, *rest = stat.read().rpartition(")")[2].split()
                words = command.read()
        except OSError:  # it has ended
            continue
        if int(its_group) == group and state != "Z":
            ticks = int(rest[8]) + int(rest[9])
            found[int(pid)] = (words, ticks / os.sysconf("SC_CLK_TCK"))
    return found


def metrics_are_imported(group):
    """The process that those of metrics are forked from has worked for half a second."""
    return any(SERVER in words and used > 0.5 for words, used in processes(group).values())


def metrics_are_computed(group):
    """Processes of metrics, which are younger than the server, have worked for two seconds."""
    used = [seconds for _, (words, seconds) in sorted(processes(group).items()) if SERVER in words]
    return sum(used[1:]) > 2


@pytest.mark.parametrize(
    ("number", "status", "reached"),
    [(signal.SIGINT, 130, os.killpg), (signal.SIGTERM, 143, os.kill)],
    ids=["ctrl-c", "docker-stop"],
)
@pytest.mark.parametrize("moment", [metrics_are_imported, metrics_are_computed])
def test_scoring_ends_at_once_and_silently(tmp_path, number, status, reached, moment):
    """Ctrl-C is sent to all processes of a terminal, `docker stop` to the first one only."""
    factors = np.stack(np.unravel_index(np.arange(4 * 24 * 40), (4, 24, 40)), axis=1)
    codes = np.random.RandomState(0).normal(size=(len(factors), 10)).astype(np.float32)
    np.savez(tmp_path / "codes.npz", codes=codes, factors=factors)
    process = subprocess.Popen(
        [
            sys.executable,
            ROOT / "evaluate.py",
            "--codes=codes.npz",
            "--metrics=all",
            "--output_dir=scores",
        ],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_until(lambda: moment(process.pid), process)
        reached(process.pid, number)
        _, told = process.communicate(timeout=20)
        assert process.returncode == status
        assert told.splitlines()[-1] == f"stopped by {number.name}"
        assert "Traceback" not in told and "leaked" not in told
        deadline = time.monotonic() + 20
        while left := processes(process.pid):
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
    finally:
        for pid in processes(process.pid):
            os.kill(pid, signal.SIGKILL)
    assert not (tmp_path / "scores" / "scores.json").exists()
