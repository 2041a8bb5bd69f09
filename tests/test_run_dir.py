import concurrent.futures
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from deltavae.errors import UserError
from deltavae.io import atomic_dir, atomic_write, read_json, require_writable, waiting_for_lock
from deltavae.run_dir import RunDir


def killed(code, *arguments):
    """Run code, in which `die()` is SIGKILL, in a process of its own."""
    code = f"""
import os, signal, sys
from deltavae.io import atomic_dir, atomic_write
def die(): os.kill(os.getpid(), signal.SIGKILL)
{code}"""
    done = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_failing_block_leaves_the_old_folder_and_no_trace(tmp_path):
    target = tmp_path / "module"
    target.mkdir()
    (target / "old").write_text("old")
    with pytest.raises(RuntimeError), atomic_dir(target) as folder:
        (folder / "new").write_text("half")
        raise RuntimeError
    assert [p.name for p in tmp_path.iterdir()] == ["module"]
    assert (target / "old").read_text() == "old"


def test_a_folder_that_cannot_be_renamed_into_place_leaves_the_old_one(tmp_path, monkeypatch):
    target = tmp_path / "module"
    target.mkdir()
    (target / "old").write_text("old")
    rename = os.rename

    def only_aside(source, destination):
        if destination == target and not source.name.endswith(".old"):
            raise OSError(28, "No space left on device")
        rename(source, destination)

    monkeypatch.setattr(os, "rename", only_aside)
    with pytest.raises(OSError, match="No space"), atomic_dir(target) as folder:
        (folder / "new").write_text("new")
    assert [p.name for p in tmp_path.iterdir()] == ["module"]
    assert (target / "old").read_text() == "old"


def test_one_at_a_time_holds_a_lock_that_is_removed_each_time(tmp_path):
    """Those who wait have opened a file that its owner then removes."""
    inside, most = [], []

    def work(number):
        with waiting_for_lock(tmp_path / "lock"):
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.002)
            inside.remove(number)

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(64)))
    assert most == [1] * 64


def test_a_succeeding_block_replaces_the_folder(tmp_path):
    target = tmp_path / "module"
    target.mkdir()
    (target / "old").write_text("old")
    with atomic_dir(target) as folder:
        (folder / "new").write_text("new")
        assert (target / "old").exists()
    assert [p.name for p in target.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["module"]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    target = tmp_path / "file"
    atomic_write(target, "old")

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        atomic_write(target, "new")
    assert target.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("when", ["in the block", "between the renames"])
def test_what_a_killed_export_left_is_removed_or_put_back(tmp_path, when):
    run = RunDir(tmp_path)
    run.representation.mkdir()
    (run.representation / "old").write_text("old")
    for mine in (".gitignore", ".representation.backup", ".notes.abcdefgh"):
        (tmp_path / mine).write_text("mine")
    before = sorted(os.listdir(tmp_path))
    killed(
        f"""
with atomic_dir(sys.argv[1] + "/representation") as folder:
    (folder / "new").write_text("new")
    if {when!r} == "in the block":
        die()
    rename = os.rename
    os.rename = lambda *paths: (rename(*paths), die())
""",
        tmp_path,
    )
    assert (len(os.listdir(tmp_path)), run.representation.exists()) == (
        (5, True) if when == "in the block" else (5, False)
    )
    run.remove_remains()
    assert sorted(os.listdir(tmp_path)) == before
    assert os.listdir(run.representation) == ["old"]


def test_what_a_killed_writer_of_a_file_left_is_removed(tmp_path):
    run = RunDir(tmp_path)
    atomic_write(run.history, "old")
    killed("os.replace = lambda *_: die()\natomic_write(sys.argv[1], 'new')", run.history)
    assert len(os.listdir(run.model)) == 2
    run.remove_remains()
    assert os.listdir(run.model) == ["history.json"] and run.history.read_text() == "old"


def test_unwritable_output_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(UserError, match="writable folder"):
        require_writable(blocked / "run")


def test_a_disk_without_room_is_found_before_the_work(tmp_path):
    """By a limit of 100,000 bytes on the files that this process writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an error in its place
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(UserError, match="cannot write the output"):
            require_writable(tmp_path / "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    require_writable(tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_broken_json_is_named(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(UserError, match=r"a\.json"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("[1]")
    assert read_json(tmp_path / "a.json", kind=list) == [1]
    with pytest.raises(UserError, match=r"a\.json; expected a JSON object; received a list"):
        read_json(tmp_path / "a.json")
