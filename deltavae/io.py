"""Files that are whole or not there at all: atomic writes, JSON, one writer per folder."""

import contextlib
import errno
import fcntl
import fnmatch
import json
import os
import re
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from deltavae.errors import UserError

_ROOM = 2**18
# what `tempfile` makes of the prefix ".NAME."
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.[a-z0-9_]{8}(?P<old>\.old)?")


def atomic_write(path: str | os.PathLike[str], content: bytes | memoryview | str) -> None:
    """Write a file under a temporary name, flush it to disk, and rename it into place.

    A reader sees the old content or the new, never a part; a crash leaves the old.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def atomic_dir(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary sibling folder that replaces `path` when the block succeeds.

    What was at `path` before is deleted only after its replacement is in place. When the
    block raises, the temporary folder is removed and `path` is as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    old = temporary.with_name(temporary.name + ".old")
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        if path.exists():
            os.rename(path, old)
        os.rename(temporary, path)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        if old.exists() and not path.exists():
            os.rename(old, path)
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_remains(folder: str | os.PathLike[str], names: str = "*") -> None:
    """Remove the temporary files and folders that killed processes left in `folder`.

    What was aside when a process was killed between the two renames of `atomic_dir` is put
    back. To be called only while nobody else writes there.

    Args:
        folder: where `atomic_write` and `atomic_dir` wrote; need not exist.
        names: pattern for the names of what they wrote.
    """
    for path in list(Path(folder).glob(".*.*")):
        found = _TEMPORARY.fullmatch(path.name)
        if not found or not fnmatch.fnmatchcase(found["name"], names):
            continue
        target = path.with_name(found["name"])
        if found["old"] and not os.path.lexists(target):
            os.rename(path, target)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    atomic_write(path, json.dumps(content, indent=2) + "\n")


def read_json(
    path: str | os.PathLike[str], advice: str | None = None, kind: type[dict] | type[list] = dict
) -> Any:
    """Read a JSON file; a missing or broken one is a `UserError` that names it, with `advice`.

    Args:
        path: of the file.
        advice: what to do where it is missing or damaged.
        kind: what it must hold, an object or a list.
    """
    try:
        content = json.loads(Path(path).read_text())
        if not isinstance(content, kind):
            raise ValueError(f"{'a list' if isinstance(content, list) else repr(content)[:40]}")
        return content
    except FileNotFoundError:
        raise UserError(
            "a file is missing", expected=path, received="none", advice=advice
        ) from None
    except (ValueError, OSError) as error:
        broken = isinstance(error, json.JSONDecodeError | UnicodeDecodeError)
        where = f" in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(
            f"cannot read {path}" + (", which is damaged" if broken else ""),
            expected="a JSON object" if kind is dict else "a list in JSON",
            received=f"text that is no JSON{where}" if broken else error,
            advice=advice or "Put back a copy of it, or make it again.",
        ) from None


def require_writable(path: str | os.PathLike[str]) -> None:
    """Raise `UserError` unless files can be made in `path`, which need not exist yet.

    A disk without room for a table of scores counts too: what takes an hour to compute would
    have nowhere to go.
    """
    folder = existing = Path(path).absolute()
    try:
        str(folder).encode()  # TensorFlow writes no other names
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(folder / ("x" * 200))  # as long as the longest name inside
        while not os.path.lexists(existing):
            existing = existing.parent
        if existing.is_symlink() and not existing.exists():
            raise FileNotFoundError(errno.ENOENT, f"{existing} is a link to nothing")
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{existing} is a file")
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(bytes(_ROOM))
            file.flush()
    except UnicodeEncodeError:
        raise UserError(
            "cannot write the output", expected="a name in UTF-8", received=repr(str(path))
        ) from None
    except OSError as error:
        raise UserError(
            "cannot write the output",
            expected=f"a writable folder at {folder}",
            received=f"{error.strerror} ({existing})",
            advice="Name another with --output_dir.",
        ) from None


@contextlib.contextmanager
def without_wildcards(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a path to the same folder in which TensorFlow sees no pattern.

    TensorFlow takes `*`, `?`, `[` and a backslash in the name of a checkpoint or a SavedModel
    for a pattern, and reads files that match it or none. Such a path is replaced by a
    symbolic link for the length of the block.
    """
    path = Path(path)
    if not set("*?[\\") & set(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "link"
        link.symlink_to(path.absolute())
        yield link


@contextlib.contextmanager
def waiting_for_lock(path: str | os.PathLike[str]) -> Iterator[None]:
    """Hold the kernel's lock on a file for the length of a block, waiting for whoever has it.

    The file is made if need be, and removed at the end.
    """
    path = Path(path)
    while True:
        with path.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            # whoever had it may have removed it, and another may have made and locked a new one
            if not _is_at(file, path):
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder's lock for the length of a block; makes the folder if need be.

    The lock is the kernel's (`flock` on `.lock`), which frees it when its owner dies however
    it dies: a file left behind locks nobody out. The file names the owner.

    Raises:
        UserError: another process holds it.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (Path(folder) / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"another process writes to {folder}",
                expected="a folder that nobody writes to",
                received=f"one locked by {file.read().strip() or 'a process that starts'}",
                advice="Wait for it, end it, or name another folder with --output_dir.",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield


def _is_at(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
