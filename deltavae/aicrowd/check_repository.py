"""Checks of what is handed in: description, entry point, image, repository."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from deltavae.aicrowd.finding import Finding

CHALLENGE = "aicrowd-neurips-2019-disentanglement-challenge"
MAX_TREE_MEGABYTES = 50
_DATA = {".npz", ".npy", ".h5", ".hdf5", ".mat", ".tfrecord", ".keras", ".ckpt", ".zip", ".tar"}
# absolute paths that exist on the platform too; every other one is somebody's own
_PATH = re.compile(r"(?<![\w.}$/*])(?:/|~/|[A-Za-z]:\\)[A-Za-z][\w./\\-]*")
_EVERYWHERE = ("/bin/", "/usr/", "/dev/", "/proc/", "/tmp", "/home/aicrowd", "/etc/", "/opt/")
_TEXT = "a text that is not empty"


def check_repository(root: Path) -> Iterator[Finding]:
    """Check the folder that is handed in."""
    yield _description(root / "aicrowd.json")
    yield _entry_point(root / "run.sh")
    yield _image(root / "Dockerfile")
    yield from _git(root)


def _description(path: Path) -> Finding:
    subject = "aicrowd.json"
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        return Finding(subject, False, f"cannot be read: {error}")
    if not isinstance(content, dict):
        return Finding(subject, False, "expected an object")
    faults = [
        f"{key} must be {wanted}, not {content.get(key)!r}"
        for key, wanted, holds in (
            ("challenge_id", CHALLENGE, lambda value: value == CHALLENGE),
            ("grader_id", CHALLENGE, lambda value: value == CHALLENGE),
            ("authors", "a list of names", _is_list_of_names),
            ("description", _TEXT, _is_text),
            ("license", _TEXT, _is_text),
            ("gpu", "true or false", lambda value: isinstance(value, bool)),
        )
        if not holds(content.get(key))
    ]
    if faults:
        return Finding(subject, False, "; ".join(faults))
    device = "GPU" if content["gpu"] else "no GPU"
    return Finding(subject, True, f"{', '.join(content['authors'])}; {device}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_text(name) for name in value)


def _entry_point(path: Path) -> Finding:
    subject = "run.sh"
    if not path.is_file():
        return Finding(subject, False, "missing: the platform starts /home/aicrowd/run.sh")
    text = path.read_text(errors="replace")
    if not os.access(path, os.X_OK):
        return Finding(subject, False, "not executable: chmod +x run.sh")
    if not text.startswith("#!"):
        return Finding(subject, False, "its first line names no interpreter: #!/bin/bash")
    own = sorted({p for p in _PATH.findall(text) if not p.startswith(_EVERYWHERE)})
    if own:
        return Finding(subject, False, f"paths of this machine only: {', '.join(own)}")
    return Finding(subject, True, "executable, no local paths")


def _image(path: Path) -> Finding:
    subject = "Dockerfile"
    if not path.is_file():
        return Finding(subject, False, "missing: the platform builds the image from it")
    text = re.sub(r"\\\n", " ", path.read_text(errors="replace"))
    instructions = re.findall(r"^\s*([A-Za-z]+)\s+(.*)$", text, re.MULTILINE)
    last: dict[str, str] = {}
    for name, value in instructions:
        if name.upper() == "FROM":
            last.clear()
        last[name.upper()] = value.strip()
        if name.upper() == "RUN" and re.search(r"\b(useradd|adduser)\b.*\baicrowd\b", value):
            last["creates"] = value
    user = last.get("USER", "root").split(":")[0]
    if user != "aicrowd":
        return Finding(subject, False, f"its user is {user}; end it with USER aicrowd")
    if "creates" not in last:
        return Finding(
            subject, False, "it creates no user aicrowd: RUN useradd -m -u 1001 aicrowd"
        )
    if last.get("WORKDIR", "").rstrip("/") != "/home/aicrowd":
        return Finding(subject, False, "run.sh must lie in /home/aicrowd: WORKDIR /home/aicrowd")
    return Finding(subject, True, "user aicrowd in /home/aicrowd")


def _git(root: Path) -> Iterator[Finding]:
    subject = "repository"
    if shutil.which("git") is None:
        yield Finding(subject, False, "git is not installed, so what is committed is not known")
        return
    if _run_git(root, "rev-parse", "HEAD") is None:
        yield Finding(subject, False, "no commit here, but the platform takes a tagged commit")
        return
    changed = (_run_git(root, "status", "--porcelain") or "").splitlines()
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        shown = ", ".join(line[3:] for line in changed[:3])
        yield Finding(subject, False, f"not committed: {shown}{more}")
    else:
        yield Finding(subject, True, "everything is committed")
    names = [Path(name) for name in (_run_git(root, "ls-files", "-z") or "").split("\0") if name]
    sizes = {name: (root / name).stat().st_size / 1e6 for name in names if (root / name).is_file()}
    data = [name for name, size in sizes.items() if _is_data(name, size)]
    if data:
        shown = ", ".join(str(name) for name in data[:3])
        yield Finding(
            "data", False, f"{len(data)} data files in git: {shown}; git rm --cached them"
        )
    else:
        yield Finding("data", True, "none in git")
    total = sum(sizes.values())
    yield Finding(
        "size", total <= MAX_TREE_MEGABYTES, f"{total:.1f} MB, at most {MAX_TREE_MEGABYTES}"
    )


def _is_data(name: Path, megabytes: float) -> bool:
    """Whether it is data; tables of the package and files of its tests are none unless large."""
    own = name.parts[0] in ("deltavae", "tests") and megabytes <= 5
    return name.suffix.lower() in _DATA and not own


def next_tag(root: Path) -> str:
    """Find the first free name of the form submission-vN."""
    taken = (_run_git(root, "tag", "--list", "submission-v*") or "").split()
    numbers = [int(match[1]) for tag in taken if (match := re.match(r"submission-v(\d+)", tag))]
    return f"submission-v{max(numbers, default=0) + 1}"


def _run_git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        capture_output=True,
        errors="surrogateescape",  # a file's name may be any bytes
        check=False,
    )
    return done.stdout if done.returncode == 0 else None
