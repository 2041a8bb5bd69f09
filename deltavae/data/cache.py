"""Decoded datasets as memory-mapped arrays on disk, written once and shared by all runs.

A cached dataset costs no anonymous memory, opens in milliseconds and is shared by parallel
workers through the page cache. The folder is the first of these that can be written:

1. `DELTAVAE_CACHE`, and no other, if it is set;
2. `.deltavae_cache` beside the data;
3. `.deltavae_cache` under `AICROWD_OUTPUT_PATH`, if set: beside the runs, in none of them;
4. a folder of the user's in the temporary folder.

A dataset that takes at most `MEMORY_SHARE` of the memory is kept in memory if none can.
"""

import contextlib
import errno
import glob
import hashlib
import json
import mmap
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from deltavae.errors import UserError
from deltavae.io import waiting_for_lock, write_json

MEMORY_SHARE = 1 / 16
_SPARE_DISK = 64 * 2**20
_FORMAT = "1"
_FOLDER = ".deltavae_cache"
_BLOCK_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Content:
    """What is in an array of uint8.

    Attributes:
        sha256: of its bytes in C order, hexadecimal.
        low: its least value.
        high: its largest.
        binary: whether it has no values but these.
    """

    sha256: str
    low: int
    high: int
    binary: bool


def decoded(
    name: str,
    shape: Sequence[int] | Callable[[], Sequence[int]],
    sources: Sequence[Path],
    blocks: Callable[[], Iterable[np.ndarray]],
    beside: Path | None = None,
) -> np.ndarray:
    """Return the decoded images of a dataset, from the cache or decoded now.

    Args:
        name: the dataset's name; the file is called `<name>-<digest of the sources>.npy`.
        shape: of the whole array, which is uint8; or what finds it out, which is called only
            if the cache hasn't got the array.
        sources: the files that it is decoded from; a change of them makes a new file.
        blocks: yields the array's consecutive pieces along the first axis.
        beside: the folder of the data, in which all sources lie but programs.

    Returns:
        uint8 array of this shape, read-only and memory-mapped wherever it could be cached.

    Raises:
        UserError: if a large dataset finds no place on disk, or `blocks` yields too few images.
    """
    known = None if callable(shape) else tuple(int(n) for n in shape)
    paths = _paths(name, sources, known, beside)
    for path in paths:
        found = _open(path, known)
        if found is not None:
            return found
    shape = known or tuple(shape())  # type: ignore[operator]
    size = int(np.prod(shape))
    refusals = []
    for path in paths:
        try:
            _write(path, shape, blocks)
        except OSError as error:
            reason = "disk full" if error.errno == errno.ENOSPC else error.strerror or error
            refusals.append(f"{path.parent}: {reason}")
            continue
        found = _open(path, shape)
        if found is not None:
            return found
        refusals.append(f"{path.parent}: what was written can't be read back")
    if size <= MEMORY_SHARE * memory_limit():
        array = np.empty(shape, np.uint8)
        _check_complete(name, shape[0], _fill(array, blocks()))
        return array
    raise UserError(
        f"no place to decode {name} to",
        expected=f"{size / 1e9:.1f} GB free in a folder that can be written",
        received="; ".join(refusals),
        advice="Set DELTAVAE_CACHE to a folder with room.",
    )


def content_of(array: np.ndarray) -> Content:
    """Describe an array of uint8; for one that `decoded` returned, read from beside its file.

    The description of a cached array is written when the array is, so that the digest of 3 GB
    costs a millisecond. Where it is missing or unreadable the array is read through once.
    """
    owner = array.base
    cached = isinstance(owner, np.memmap) and owner.shape == array.shape and owner.filename
    if not cached:
        return _Counter().add(array).content()
    record = _record(Path(cached))
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Content(**json.loads(record.read_text()))
    content = _Counter().add(array).content()
    with contextlib.suppress(OSError):  # a cache that can't be written to is read each time
        write_json(record, asdict(content))
    return content


class _Counter:
    """Builds a `Content` block by block."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._values: set[int] = set()
        self._binary = True

    def add(self, array: np.ndarray) -> "_Counter":
        rows = max(1, _BLOCK_BYTES // max(1, array[:1].nbytes))
        for start in range(0, len(array), rows):
            block = np.ascontiguousarray(array[start : start + rows])
            low, high = int(block.min()), int(block.max())
            self._digest.update(block.data)
            self._values |= {low, high}
            self._binary = (
                self._binary
                and len(self._values) <= 2
                and bool(np.all((block == low) | (block == high)))
            )
        return self

    def content(self) -> Content:
        values = self._values or {0}
        return Content(self._digest.hexdigest(), min(values), max(values), self._binary)


def _record(path: Path) -> Path:
    return path.with_suffix(".json")


def memory_limit() -> int:
    """Return the bytes of memory for this process: the machine's, or its control group's."""
    limit = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers == "" or "memory" in controllers.split(","):
                root = "/sys/fs/cgroup" if controllers == "" else "/sys/fs/cgroup/memory"
                name = "memory.max" if controllers == "" else "memory.limit_in_bytes"
                # Inside a container the group's own path is often mounted as the root.
                for folder in (f"{root}{group}", root):
                    with contextlib.suppress(OSError, ValueError):
                        limit = min(limit, int(Path(folder, name).read_text()))
    return limit


def _folders(beside: Path | None) -> list[Path]:
    if os.environ.get("DELTAVAE_CACHE"):
        return [Path(os.environ["DELTAVAE_CACHE"]).expanduser()]
    folders = [] if beside is None else [beside / _FOLDER]
    if os.environ.get("AICROWD_OUTPUT_PATH"):
        output = Path(os.environ["AICROWD_OUTPUT_PATH"]).expanduser()
        folders.append(output / _FOLDER)
    return [*folders, Path(tempfile.gettempdir()) / f"deltavae_cache_{os.getuid()}"]


def _paths(
    name: str, sources: Sequence[Path], shape: tuple[int, ...] | None, beside: Path | None
) -> list[Path]:
    """Return the file of a dataset in each folder that may hold it, the first choice first.

    Its name has a digest of the sources in their order: of programs their content; of data path,
    size, modification time and, in an archive, the checksums. Sizes and times alone are the same
    in many datasets. Beside the data, paths are relative to their folder, so that both can be
    moved together; in other folders, which datasets share, they are absolute.
    """
    digest = hashlib.sha256(f"{_FORMAT} {shape}".encode())
    for source in sources:
        if source.suffix == ".py":
            digest.update(source.read_bytes())
            continue
        status = source.stat()
        place = source.absolute() if beside is None else source.relative_to(beside)
        described: list[object] = [str(place), status.st_size, status.st_mtime_ns]
        if source.suffix == ".npz":
            with zipfile.ZipFile(source) as archive:
                described += [entry.CRC for entry in archive.infolist()]
        digest.update(json.dumps(described).encode())
    paths = []
    for folder in _folders(beside):
        own = digest.copy()
        if beside is not None and folder != beside / _FOLDER:
            own.update(os.fsencode(beside.resolve()))
        paths.append(folder / f"{name}-{own.hexdigest()[:16]}.npy")
    return paths


def _open(path: Path, shape: tuple[int, ...] | None) -> np.ndarray | None:
    """Return the array in a file, or None if it isn't whole, uint8 and of this shape."""
    try:
        if path.stat().st_uid != os.getuid():
            return None
        mapped = np.lib.format.open_memmap(path, mode="r")
        if shape not in (None, mapped.shape) or mapped.dtype != np.uint8:
            return None
        if not mapped.flags.c_contiguous or path.stat().st_size != mapped.offset + mapped.size:
            return None
    except (OSError, ValueError):
        return None
    if mapped.size > MEMORY_SHARE * memory_limit() and isinstance(mapped.base, mmap.mmap):
        # Images are drawn at random: reading ahead would fetch ten times what is used.
        mapped.base.madvise(mmap.MADV_RANDOM)
    return mapped.view(np.ndarray)


def _write(path: Path, shape: tuple[int, ...], blocks: Callable[[], Iterable[np.ndarray]]) -> None:
    """Write the file under a temporary name, then renames it; one process at a time."""
    owner = next(folder for folder in path.parents if folder.exists())
    if not owner.stat().st_mode & stat.S_IWUSR:
        # The superuser could write here, but whoever took the right away meant everybody.
        raise OSError(errno.EACCES, "not writable")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with waiting_for_lock(path.with_suffix(".lock")):
        if _open(path, shape) is not None:
            return
        # A process that was killed could not remove what it had written.
        for left in path.parent.glob(f"{glob.escape(path.stem)}*.part"):
            left.unlink()
        size = int(np.prod(shape))
        if shutil.disk_usage(path.parent).free < size + _SPARE_DISK:
            raise OSError(errno.ENOSPC, "disk full")
        handle, temporary = tempfile.mkstemp(prefix=path.stem, suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                # Written as a stream: a disk that fills up under a memory map kills the process.
                np.lib.format.write_array_header_1_0(file, header)
                count, counter = 0, _Counter()
                for block in blocks():
                    block = np.ascontiguousarray(block, np.uint8)
                    file.write(block.data)
                    counter.add(block)
                    count += len(block)
                _check_complete(path.stem, shape[0], count)
                file.flush()
                os.fsync(file.fileno())
            write_json(_record(path), asdict(counter.content()))
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise


def _fill(array: np.ndarray, blocks: Iterable[np.ndarray]) -> int:
    count = 0
    for block in blocks:
        array[count : count + len(block)] = block
        count += len(block)
    return count


def _check_complete(name: str, expected: int, count: int) -> None:
    if count != expected:
        raise UserError(f"{name} is incomplete", expected=f"{expected} images", received=count)
