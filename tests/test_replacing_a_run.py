"""`--overwrite` and `--resume` on every kind of folder: nothing of a run is lost."""

import os
import subprocess
from pathlib import Path

import pytest

from deltavae.errors import UserError
from deltavae.run_dir import PARTS, RunDir, folder_to_train_in

NAMES = ["run", "lr[1e-4]", "a*b", "what?", "two words", 'it\'s "it"', "größe-日本", "x" * 255]


def begin(path, content):
    run = RunDir(path)
    (run.checkpoints / "epoch-000001").mkdir(parents=True)
    run.config.write_text(content)
    run.representation.mkdir()
    (run.representation / "about.json").write_text(content)
    return run


def begin_with_scores(path):
    run = begin(path, "old")
    run.scores.write_text("old")
    (run.path / "notes.txt").write_text("mine")
    return run


def where(path, resume=False, overwrite=False, configured=False):
    return folder_to_train_in(
        Path(path), resume=resume, overwrite=overwrite, configured=configured
    )


def replace(path):
    target = where(path, overwrite=True)
    assert RunDir(path).config.read_text() == "old"
    begin(target.path, "new")
    RunDir(path).adopt_replacement()


def contents(path):
    run = RunDir(path)
    return {
        "config": run.config.read_text(),
        "about": (run.representation / "about.json").read_text(),
        "others": sorted(set(os.listdir(path)) - {"model", "representation"}),
    }


NEW = {"config": "new", "about": "new", "others": ["notes.txt"]}


@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_replaced_under_any_name(tmp_path, name):
    begin_with_scores(tmp_path / name)
    replace(tmp_path / name)
    assert contents(tmp_path / name) == NEW


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    begin_with_scores(tmp_path / "link")
    replace(f"{tmp_path}/link/")
    assert contents(tmp_path / "disk") == NEW
    assert (tmp_path / "link").is_symlink()


def test_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin_with_scores(".")
    replace(".")
    assert contents(tmp_path) == NEW


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root; `make test-slow` runs as root")
def test_a_mount_point(tmp_path):
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("this machine lets root mount nothing")
    try:
        begin_with_scores(tmp_path)
        replace(tmp_path)
        assert contents(tmp_path) == NEW
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_parent_that_is_not_writable(tmp_path):
    parent = tmp_path / "parent"
    begin_with_scores(parent / "run")
    child = os.fork() if os.geteuid() == 0 else None
    if child is None or child == 0:
        status = 1
        try:
            if child == 0:
                for path in (tmp_path.parent.parent, tmp_path.parent, tmp_path):
                    os.chmod(path, 0o755)
                for path in [parent / "run", *(parent / "run").rglob("*")]:
                    os.chown(path, 65534, 65534)
                os.setuid(65534)
            else:
                parent.chmod(0o555)
            replace(parent / "run")
            with pytest.raises(UserError, match="Permission denied"):
                where(parent / "other")
            status = 0
        finally:
            if child == 0:
                os._exit(status)
            parent.chmod(0o755)
    else:
        assert os.waitpid(child, 0)[1] == 0
    assert contents(parent / "run") == NEW


@pytest.mark.parametrize("crash", range(12))
def test_a_crash_at_any_rename_leaves_one_of_the_two_runs(tmp_path, monkeypatch, crash):
    begin_with_scores(tmp_path)
    begin(where(tmp_path, overwrite=True).path, "new")
    rename, left = os.rename, [crash]

    def failing(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        rename(*arguments)

    monkeypatch.setattr(os, "rename", failing)
    try:
        RunDir(tmp_path).adopt_replacement()
    except KeyboardInterrupt:
        pass
    else:
        assert crash >= 6
    monkeypatch.setattr(os, "rename", rename)
    found = where(tmp_path, resume=True)
    assert contents(found.path)["config"] == contents(found.path)["about"] == "new"
    if found.path != tmp_path:  # the training ends again, and is adopted then
        assert RunDir(tmp_path).config.read_text() == "old"
        RunDir(tmp_path).adopt_replacement()
    assert {**contents(tmp_path), "others": ["notes.txt"]} == NEW
    assert not set(os.listdir(tmp_path)) & {".new", ".old", ".adopted", "scores.json"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda p: p.symlink_to("/nowhere/at/all"), "a link to nothing"),
        (lambda p: p.symlink_to(p), "symbolic links"),
        (lambda p: p.write_text(""), "is a file"),
    ],
)
@pytest.mark.parametrize("inside", ["", "run"])
def test_what_cannot_be_written_is_found_first(tmp_path, make, said, inside):
    make(tmp_path / "out")
    with pytest.raises(UserError, match=f"cannot write the output.*{said}"):
        where(tmp_path / "out" / inside)


@pytest.mark.parametrize("name", ["x" * 256, "y/" * 2000, os.fsdecode(b"\xff")])
def test_an_impossible_name_is_found_first(tmp_path, name):
    with pytest.raises(UserError, match="cannot write the output"):
        where(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_advice_about_a_run_without_its_configuration(tmp_path):
    with pytest.raises(UserError, match=r"no run to resume.*Leave out --resume"):
        where(tmp_path, resume=True)
    run = begin_with_scores(tmp_path)
    run.config.unlink()
    with pytest.raises(UserError, match=r"lost its configuration.*--gin_config beside --resume"):
        where(tmp_path, resume=True)
    assert where(tmp_path, resume=True, configured=True).path == tmp_path
    with pytest.raises(UserError, match="--resume to continue it or --overwrite"):
        where(tmp_path)
    (run.checkpoints / "epoch-000001").rmdir()
    for configured in (False, True):
        with pytest.raises(UserError, match=r"no run to resume.*--overwrite in place of"):
            where(tmp_path, resume=True, configured=configured)
    with pytest.raises(UserError, match="Add --overwrite to replace it"):
        where(tmp_path)


def test_every_file_of_a_run_belongs_to_a_part():
    run = RunDir("run")
    for path in (p for p in vars(run).values() if p != run.path):
        assert path.relative_to(run.path).parts[0] in PARTS
