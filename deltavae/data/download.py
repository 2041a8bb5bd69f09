"""Fetching the public files: resumed, checked, and unpacked where nothing can escape."""

import logging
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pooch
import requests

from deltavae.data.catalogue import Remote
from deltavae.errors import UserError
from deltavae.io import atomic_dir

_CHUNK = 2**18
_SPARE_DISK = 64 * 2**20

Progress = Callable[[int, int | None], None]


def fetch(remote: Remote, data_dir: Path, progress: Progress | None = None) -> str:
    """Fetches one file, or archive, into the data folder.

    An interrupted download leaves a `.part` file, from which the next one goes on if the
    server still has the same file.

    Args:
        remote: what to fetch.
        data_dir: the data folder; made if missing.
        progress: called with the bytes so far and the whole size, if the server tells it.

    Returns:
        what was checked, for people to read.

    Raises:
        UserError: for a server that can't be reached or refuses, a wrong size or checksum, a
            full disk, or an archive that isn't what it should be.
    """
    target = data_dir / remote.path
    name = target.name if remote.unpack is None else remote.url.rsplit("/", 1)[-1]
    folder = target.parent
    # pooch logs the checksum of a file whose checksum it wasn't given; it is returned below.
    pooch.get_logger().setLevel(logging.WARNING)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = Path(
            pooch.retrieve(
                remote.url,
                known_hash=remote.checksum,
                fname=name,
                path=folder,
                downloader=_Resuming(folder / f".{name}.part", remote.size, progress),
            )
        )
    except requests.RequestException as error:
        raise UserError(
            f"cannot fetch {remote.url}",
            received=" ".join(str(error).split())[:160],
            advice="Run the command again to go on from here.",
        ) from error
    except OSError as error:
        raise UserError(f"cannot write to {folder}", received=error.strerror or error) from error
    except UserError:
        raise
    except ValueError as error:
        raise UserError(
            f"what came from {remote.url} isn't the published file",
            expected=remote.checksum,
            received=" ".join(str(error).split())[:200],
        ) from error
    checked = remote.checksum or f"unverified (no checksum is known), sha256:{_sha256(path)}"
    if remote.unpack is not None:
        unpack(path, remote.unpack, target)
        path.unlink()
    return checked


def _sha256(path: Path) -> str:
    return pooch.file_hash(str(path), alg="sha256")


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
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers |= {"Range": f"bytes={have}-", "If-Range": self._tag.read_text()}
        with requests.get(url, headers=headers, stream=True, timeout=60) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self._forget()
                raise requests.RequestException("the partial file doesn't fit and was dropped")
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                self._forget()
                have = 0
            length = response.headers.get("Content-Length")
            whole = have + int(length) if length else None
            if whole is not None and self._size not in (None, whole):
                raise UserError(f"wrong size of {url}", expected=self._size, received=whole)
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
    """Unpacks one folder of a tar archive; it appears whole or not at all.

    Args:
        archive: the archive.
        inner: the folder inside it.
        target: what that folder becomes.

    Raises:
        UserError: if the archive is damaged, lacks the folder, or holds a member that would
            land outside it (tarfile's "data" filter: absolute paths, "..", links, devices).
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
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(
            f"cannot unpack {archive}", received=f"{type(error).__name__}: {error}"
        ) from error
