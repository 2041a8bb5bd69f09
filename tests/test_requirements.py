"""The lock holds the pinned versions, each with a digest, and nothing else."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def pins(*names):
    lines = [line for name in names for line in (ROOT / name).read_text().splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    return {re.sub("[._]", "-", line.split(" ")[0].lower()): line for line in found}


def test_the_lock_holds_the_pinned_versions():
    lock = pins("requirements.lock")
    assert set(lock) == {
        # versions are compared as written, names as pip compares them
        pin
        for pin in pins("requirements.txt", "requirements-nodeps.txt")
    }
    for line in lock.values():
        assert re.fullmatch(r"[^ ]+==[^ ]+ --hash=sha256:[0-9a-f]{64}", line)
