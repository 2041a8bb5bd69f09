"""Fetching public files: resumed, checked, and unpacked where nothing can escape."""

import gzip
import logging
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pooch
import requests
import scipy.io
from PIL import Image

from deltavae.data.public.base import PublicFile
from deltavae.data.readers import binary_matrix
from deltavae.errors import UserError
from deltavae.io import atomic_dir

_CHUNK = 2**18
_SPARE_DISK = 64 * 2**20
# Of the answers 400 to 499 these may turn out otherwise when one asks again.
_TRANSIENT = (408, 425, 429)

Progress = Callable[[int, int | None], None]


class _Refused(Exception):
    """An address that doesn't give the file, and won't if it is asked again."""


def fetch(file: PublicFile, data_dir: Path, page: str, progress: Progress | None = None) -> str:
    """Fetch one file, or archive, into the data folder.

    Its addresses are tried in turn. An interrupted download leaves a `.part` file, from which
    the next one goes on if the server still has the same file. What doesn't open, such as a
    web page in place of an archive, is deleted.

    Args:
        file: what to fetch.
        data_dir: the data folder; made if missing.
        page: the publisher's page, for the advice when no address works.
        progress: called with the bytes so far and the whole size, if the server tells it.

    Returns:
        what was checked, for people to read.

    Raises:
        UserError: no address gives the file, the connection breaks, or the disk is full.
    """
    target = data_dir / file.path
    by_hand = f"get the file from {page} by hand and put it at {target}"
    refusals = []
    for url in file.urls:
        try:
            return _fetch_from(url, file, target, progress)
        except _Refused as refusal:
            refusals.append(f"{url}: {refusal}")
        except requests.RequestException as error:
            raise UserError(
                f"cannot fetch {url}",
                received=" ".join(str(error).split())[:160],
                advice=f"run the command again to go on from here, or {by_hand}",
            ) from error
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"cannot write to {target.parent}",
                received=reason,
                advice="once it can be written, run the command again; what was fetched is kept",
            ) from error
    raise UserError(
        f"no address gives {target.name}",
        received="; ".join(refusals) or "no address is known",
        advice=by_hand,
    )


def _fetch_from(url: str, file: PublicFile, target: Path, progress: Progress | None) -> str:
    name = target.name if file.unpack is None else url.rsplit("/", 1)[-1]
    path = target.parent / name
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and problem_with(path) is not None:
        path.unlink()
    # pooch logs the checksum of a file whose checksum it wasn't given; it is returned below.
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        pooch.retrieve(
            url,
            known_hash=file.checksum,
            fname=name,
            path=target.parent,
            downloader=_Resuming(target.parent / f".{name}.part", file.size, progress),
        )
    except ValueError as error:
        detail = " ".join(str(error).split())[:200]
        raise _Refused(f"not the published file, expected {file.checksum} ({detail})") from error
    problem = problem_with(path)
    if problem is not None:
        path.unlink()
        raise _Refused(f"not the published file, {problem}")
    checked = file.checksum or f"opens; no checksum is known to compare {_sha256(path)} with"
    if file.unpack is not None:
        try:
            unpack(path, file.unpack, target)
        except UserError as error:
            path.unlink()
            raise _Refused(str(error)) from error
        path.unlink()  # only now: where the disk is full the archive is kept for the next attempt
    return checked


def verify(file: PublicFile, found: Path) -> tuple[bool, str]:
    """Check a file that is already there.

    Args:
        file: what it should be.
        found: where it lies, as `file.within` says.

    Returns:
        whether it can be used, and what was found, for people to read.
    """
    differs = ""
    if file.checksum is not None and found.name == Path(file.path).name:
        kind, expected = file.checksum.split(":")
        if pooch.file_hash(str(found), alg=kind) == expected:
            return True, file.checksum
        differs = ", but isn't the published file"
    problem = problem_with(found)
    return problem is None, problem or f"opens{differs}"


def problem_with(path: Path) -> str | None:
    """Return why a file or folder can't be what its name says; None if it opens.

    A .npz or .gz is read through, since it holds checksums. Of a .tar.gz the first member is
    looked at, since unpacking reads the rest; of other formats the structure. Hidden files of a
    folder are passed over.

    Raises:
        UserError: it may not be read.
    """
    if path.is_dir():
        files = [file for file in sorted(path.iterdir()) if not file.name.startswith(".")]
        if not files:
            return "an empty folder"
        # A folder of images, as numerous as they are, is judged by its first.
        inside = files if files[0].suffix == ".mat" else files[:1]
        found = ((file.name, problem_with(file)) for file in inside)
        return next((f"{name}: {problem}" for name, problem in found if problem), None)
    try:
        with path.open("rb") as stream:
            start = stream.read(64).lstrip()
    except OSError as error:
        raise UserError(f"cannot read {path}", received=error.strerror or error) from error
    if start.startswith(b"<"):
        return "a web page"
    # Parsers of damaged files fail in many ways: struct, zlib, type and index errors and more.
    try:
        _OPENERS.get(path.suffix, lambda path: path.stat())(path)
    except Exception as error:
        detail = " ".join(str(error).split())[:120]
        return f"damaged ({type(error).__name__}: {detail})"
    return None


def _open_zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"bad checksum of {damaged}")


def _open_gzip(path: Path) -> None:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            archive.next()
        return
    with gzip.open(path) as stream:
        while stream.read(_CHUNK):
            pass


def _open_matrix(path: Path) -> None:
    with path.open("rb") as stream:
        matlab = stream.read(6) == b"MATLAB"
    if matlab:
        scipy.io.whosmat(str(path))
    else:
        binary_matrix(path)


def _open_image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _open_hdf5(path: Path) -> None:
    with h5py.File(path, "r") as file:
        if not len(file):
            raise ValueError("no arrays")


def _open_array(path: Path) -> None:
    np.load(path, mmap_mode="r", allow_pickle=False)


_OPENERS: dict[str, Callable[[Path], object]] = {
    ".npz": _open_zip,
    ".gz": _open_gzip,
    ".mat": _open_matrix,
    ".jpg": _open_image,
    ".png": _open_image,
    ".h5": _open_hdf5,
    ".npy": _open_array,
    ".labels": _open_array,
}


def _sha256(path: Path) -> str:
    return f"sha256:{pooch.file_hash(str(path), alg='sha256')}"


class _Resuming:
    """A downloader for pooch that keeps what it has got when the connection breaks.

    Args:
        part: where the incomplete file is kept.
        size: what the whole must measure, if known.
        progress: as for `fetch`.
    """

    def __init__(self, part: Path, size: int | None, progress: Progress | None) -> None:
        self._part, self._size, self._progress = part, size, progress
        self._tag = part.with_name(part.name + ".tag")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        have = self._part.stat().st_size if self._part.exists() and self._tag.exists() else 0
        # Wikimedia refuses the names that libraries give themselves.
        headers = {"Accept-Encoding": "identity", "User-Agent": "deltavae (dataset download)"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": self._tag.read_text()}
        with requests.get(url, headers=headers, stream=True, timeout=60) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self._forget()
                raise requests.RequestException("the partial file doesn't fit and was dropped")
            status = response.status_code
            if 400 <= status < 500 and status not in _TRANSIENT:
                raise _Refused(f"status {status} {response.reason}, the address is gone")
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                self._forget()
                have = 0
            length = response.headers.get("Content-Length")
            whole = have + int(length) if length else None
            if whole is not None and self._size not in (None, whole):
                raise _Refused(f"wrong size, expected {self._size} bytes, received {whole}")
            free = shutil.disk_usage(self._part.parent).free
            if whole is not None and free < whole - have + _SPARE_DISK:
                raise UserError(
                    f"no room for {url} in {self._part.parent}",
                    expected=f"{(whole - have) / 1e9:.1f} GB free",
                    received=f"{free / 1e9:.1f} GB",
                )
            validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
            if validator and not validator.startswith("W/"):
                self._tag.write_text(validator)
            with self._part.open("ab") as file:
                for chunk in response.iter_content(_CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    if self._progress is not None:
                        self._progress(have, whole)
        expected = whole if self._size is None else self._size
        if expected is not None and have != expected:
            raise requests.RequestException(f"the connection broke at {have} of {expected} bytes")
        shutil.move(self._part, output_file)
        self._forget()

    def _forget(self) -> None:
        for path in (self._part, self._tag):
            path.unlink(missing_ok=True)


def unpack(archive: Path, inner: str, target: Path) -> None:
    """Unpack one folder of a tar archive; it appears whole or not at all.

    Args:
        archive: the archive.
        inner: the folder inside it.
        target: what that folder becomes.

    Raises:
        UserError: if the archive is damaged, lacks the folder, or holds a member that would
            land outside it (tarfile's "data" filter: absolute paths, "..", links, devices).
        OSError: if the folder can't be written.
    """
    prefix = inner.rstrip("/") + "/"
    try:
        with tarfile.open(archive) as tar, atomic_dir(target) as folder:
            members = [m for m in tar if m.name.removeprefix("./").startswith(prefix)]
            if not members:
                raise UserError(f"no folder {inner} in {archive}")
            for member in members:
                member.name = member.name.removeprefix("./").removeprefix(prefix)
                tar.extract(member, folder, filter="data")
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise UserError(
            f"cannot unpack {archive}", received=f"{type(error).__name__}: {error}"
        ) from error
