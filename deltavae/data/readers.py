"""Reading array files in pieces, and saying in one line what is wrong with a damaged one."""

import contextlib
import gzip
import math
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import h5py
import numpy as np

from deltavae.errors import UserError

_BLOCK_BYTES = 16 * 2**20
# The magic number of a smallNORB matrix, and what its entries are.
_MATRIX_TYPES = {0x1E3D4C55: np.uint8, 0x1E3D4C54: np.int32}


FETCH = "`python -m deltavae data download NAME` checks the files and fetches them again."


@contextlib.contextmanager
def reading(path: Path, advice: str | None = FETCH) -> Iterator[None]:
    """Turn whatever a parser makes of a damaged file into one UserError.

    Parsers of public formats fail in many ways on arbitrary bytes (struct, zlib, type, index,
    memory errors and more), none of which says anything that a user can act on.

    Args:
        path: the file that is read.
        advice: what to do about a damaged file; None for a file that nobody published.
    """
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError("missing file", expected=path) from error
    except Exception as error:
        detail = " ".join(str(error).split())[:160]
        raise UserError(
            f"cannot read {path}",
            expected="a complete, undamaged file",
            received=f"{type(error).__name__}: {detail}",
            advice=advice,
        ) from error


def check(path: Path, what: str, expected: object, received: object) -> None:
    """Raise UserError unless something read from a file is what it must be.

    Both are shown, so they are what a reader can compare: a shape or a number, not a bool.
    """
    if expected != received:
        raise UserError(f"{what} in {path}", expected=expected, received=received)


class NpzArray:
    """One array of an .npz file, readable in blocks; nothing is ever unpickled.

    Args:
        path: the file.
        key: the array's name.
        advice: as for `reading`.
    """

    def __init__(self, path: Path, key: str, advice: str | None = FETCH) -> None:
        self.path, self._key, self._advice = path, key, advice
        with self._stream() as (_, shape, fortran_order, dtype):
            self.shape, self.dtype = shape, dtype
            # The first axis of an array in column order is its fastest: no rows to read one by
            # one. For one axis or none the orders are the same.
            self._whole = fortran_order and len(shape) > 1

    @contextlib.contextmanager
    def _stream(self) -> Iterator[tuple]:
        with reading(self.path, self._advice), zipfile.ZipFile(self.path) as archive:
            known = array_names(archive)
            if self._key not in known:
                raise UserError(
                    f"no array {self._key!r} in {self.path}", received=f"arrays {known[:10]}"
                )
            with archive.open(f"{self._key}.npy") as stream:
                version = np.lib.format.read_magic(stream)
                if version == (1, 0):
                    header = np.lib.format.read_array_header_1_0(stream)
                elif version == (2, 0):
                    header = np.lib.format.read_array_header_2_0(stream)
                else:
                    raise UserError(
                        f"unknown version of the array {self._key} in {self.path}",
                        expected="1.0 or 2.0",
                        received=".".join(map(str, version)),
                    )
                if header[2].hasobject:
                    raise UserError(
                        f"the array {self._key} in {self.path} holds pickled Python objects",
                        expected="numbers or strings",
                        received=f"dtype {header[2]}",
                        advice="Save it as array.astype(str), or as numbers.",
                    )
                yield stream, *header

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield consecutive pieces along the first axis; the archive's checksum is checked.

        An array in column order comes in one piece.
        """
        row = self.dtype.itemsize * math.prod(self.shape[1:])
        rows = max(1, self.shape[0] if self._whole else _BLOCK_BYTES // max(row, 1))
        with self._stream() as (stream, *_):
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                data = stream.read(count * row)
                check(self.path, f"bytes of {self._key}", count * row, len(data))
                values = np.frombuffer(data, self.dtype)
                if self._whole:
                    yield values.reshape(self.shape[::-1]).T
                else:
                    yield values.reshape(count, *self.shape[1:])
            check(self.path, f"bytes after {self._key}", 0, len(stream.read(1)))

    def read(self) -> np.ndarray:
        """Return the whole array."""
        with reading(self.path, self._advice):
            if not self.shape:
                with self._stream() as (stream, *_):
                    return np.frombuffer(stream.read(), self.dtype).reshape(())
            blocks = list(self.blocks())
            return np.concatenate(blocks) if blocks else np.empty(self.shape, self.dtype)


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """Return the names of the arrays in an .npz archive."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def h5_blocks(path: Path, key: str) -> Iterator[np.ndarray]:
    """Yield consecutive pieces of an array in an HDF5 file along its first axis."""
    with reading(path), h5py.File(path, "r") as file:
        source = file[key]
        rows = max(1, _BLOCK_BYTES // max(source.dtype.itemsize * math.prod(source.shape[1:]), 1))
        for start in range(0, source.shape[0], rows):
            yield source[start : start + rows]


def h5_shape(path: Path, key: str) -> tuple[tuple[int, ...], np.dtype]:
    """Return shape and dtype of an array in an HDF5 file."""
    with reading(path), h5py.File(path, "r") as file:
        if key not in file:
            raise UserError(f"no array {key!r} in {path}", received=f"{list(file)[:10]}")
        return file[key].shape, file[key].dtype


def binary_matrix(path: Path) -> np.ndarray:
    """Read a smallNORB binary matrix, plain or gzipped (by its content, not by its name).

    The layout, all little-endian int32: magic number, number of axes, at least three axis
    lengths; then the entries.
    """
    with reading(path):
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if zipped else path.open("rb") as file:
            content = file.read()
        if len(content) < 20:
            raise UserError(f"truncated file {path}", expected="at least 20 bytes")
        magic, axes = np.frombuffer(content, "<i4", 2).tolist()
        if magic not in _MATRIX_TYPES or not 1 <= axes <= 8:
            raise UserError(
                f"wrong magic number in {path}",
                expected=" or ".join(f"{number:#x}" for number in _MATRIX_TYPES),
                received=f"{magic & 0xFFFFFFFF:#x} with {axes} axes",
            )
        shape = np.frombuffer(content, "<i4", max(3, axes), 8)[:axes].tolist()
        dtype = np.dtype(_MATRIX_TYPES[magic]).newbyteorder("<")
        start = 8 + 4 * max(3, axes)
        size = math.prod(shape) * dtype.itemsize
        check(path, f"bytes for shape {shape}", start + size, len(content))
        return np.frombuffer(content, dtype, offset=start).reshape(shape)


def grid_order(path: Path, table: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return the row of each combination of a factor table that covers its grid exactly once.

    Args:
        path: for the error.
        table: integers (n, factors).
        sizes: how many values each factor takes.

    Returns:
        int64 (n,): the row of the first, second, ... combination, last factor fastest.
    """
    count = math.prod(sizes)
    check(path, f"rows of the factor table for the grid {list(sizes)}", count, len(table))
    if np.any(table < 0) or np.any(table >= np.asarray(sizes)):
        raise UserError(f"factor values outside the grid {list(sizes)} in {path}")
    position = np.ravel_multi_index(tuple(table.T.astype(np.int64)), tuple(sizes))
    order = np.full(count, -1, np.int64)
    order[position] = np.arange(count)
    check(path, "combinations of factors without an image", 0, int(np.sum(order < 0)))
    return order
