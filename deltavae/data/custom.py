"""Custom datasets: a folder of images with a table of factors, or one .npz file.

What is accepted, what is refused and what the values of a factor mean is in docs/custom_data.md.
"""

import csv
import functools
import io
import math
import os
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from deltavae.data.batches import num_cores
from deltavae.data.cache import content_of, decoded
from deltavae.data.dataset import GroundTruthData
from deltavae.data.factor_values import Column, read_column
from deltavae.data.image_files import SIZE, SUFFIXES, count_channels, read_image
from deltavae.data.readers import NpzArray, array_names, reading
from deltavae.data.tabulated import TabulatedData
from deltavae.errors import UserError, command

TABLE = "factors.csv"
_AT_ONCE = 256
_DARK, _BRIGHT = 32, 223


def load_custom(path: Path) -> GroundTruthData:
    """Open a custom dataset.

    Args:
        path: a folder with `factors.csv`, or an .npz file.

    Returns:
        the dataset; image `i` is row `i` of the table. It is a grid if every combination of
        factors has one image.

    Raises:
        UserError: if anything about the images or the table doesn't fit.
    """
    path = path.resolve()
    if not path.exists():
        raise UserError("there is no such dataset", expected="a folder or an .npz", received=path)
    return _load_folder(path) if path.is_dir() else _load_npz(path)


def _load_folder(folder: Path) -> GroundTruthData:
    table = folder / TABLE
    header, rows, lines = _read_table(table)
    names = _files(folder, table, [row[0] for row in rows], lines)
    columns = _read_columns(
        header[1:],
        [[row[i] for row in rows] for i in range(1, len(header))],
        table,
        [f"line {line}" for line in lines],
    )
    files = [folder / name for name in names]

    @functools.cache
    def shape() -> tuple[int, ...]:
        return (len(files), SIZE, SIZE, max(map(count_channels, files)))

    def blocks() -> Iterator[np.ndarray]:
        channels = shape()[-1]
        with ThreadPoolExecutor(num_cores()) as pool:
            for start in range(0, len(files), _AT_ONCE):
                images = list(pool.map(read_image, files[start : start + _AT_ONCE]))
                yield np.stack([np.repeat(i, channels // i.shape[-1], axis=-1) for i in images])

    # How files are read is part of what the decoded images depend on.
    sources = [Path(__file__).with_name("image_files.py"), *files]
    array = decoded(f"custom-{folder.name[:40]}", shape, sources, blocks, folder)
    unlisted = _unlisted(folder, names)
    said = []
    if unlisted:
        said = [f"{len(unlisted)} images aren't in {TABLE} and left out, such as {unlisted[0]}"]
    return _dataset(folder, columns, array, said)


def _read_table(table: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the header, the rows that aren't blank, and the line that each ends in."""
    if not table.is_file():
        raise UserError(
            f"{table.parent} has no table of factors",
            expected=f"{table}, a row per image: its file name and the values of its factors",
        )
    with reading(table, None):
        try:
            text = table.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{table} isn't UTF-8 text", received=error.reason) from None
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            numbered = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
        except csv.Error as error:
            raise UserError(
                f"line {reader.line_num} of {table} is no CSV", received=error
            ) from None
    rows, lines = [row for _, row in numbered], [line for line, _ in numbered]
    header = rows[0] if rows else []
    if not header or header[0].strip().lower() != "file":
        raise UserError(
            f"the first column of {table} names the images",
            expected="a header that begins with 'file,'",
            received=repr(",".join(header)[:80]),
        )
    if len(header) < 2 or len(rows) < 2:
        raise UserError(
            f"{table} has no {'factors' if len(header) < 2 else 'images'}",
            expected="a column per factor and a row per image",
        )
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise UserError(
                f"line {line} of {table} has another number of entries than the header",
                expected=len(header),
                received=len(row),
            )
    return header, rows[1:], lines[1:]


def _files(folder: Path, table: Path, names: Sequence[str], lines: Sequence[int]) -> list[str]:
    """Return the paths of the images within the folder, each of them there and listed once."""
    seen: dict[str, int] = {}
    for name, line in zip(names, lines, strict=True):
        path = os.path.normpath(name.strip()) if name.strip() else ""
        outside = os.path.isabs(path) or path.split(os.sep)[0] == ".."
        if not path or outside or not path.isprintable():
            raise UserError(
                f"line {line} of {table} names no image in the folder, or one outside",
                expected=f"a path within {folder}",
                received=repr(name),
            )
        if path in seen:
            raise UserError(
                f"{table} lists {path} twice",
                expected="one row per image",
                received=f"lines {seen[path]} and {line}",
            )
        if not (folder / path).is_file():
            raise UserError(f"line {line} of {table}: missing file", expected=folder / path)
        seen[path] = line
    return list(seen)


def _unlisted(folder: Path, names: Sequence[str]) -> list[str]:
    """Return the images below the folder that the table leaves out, sorted."""
    listed = set(names)
    suffixes = SUFFIXES | {os.path.splitext(name)[1].lower() for name in names}
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            path = os.path.relpath(os.path.join(root, name), folder)
            if (
                path not in listed
                and path != TABLE
                and not name.startswith(".")
                and os.path.splitext(name)[1].lower() in suffixes
            ):
                found.append(path)
    return sorted(found)


def _load_npz(path: Path) -> GroundTruthData:
    with reading(path, None), zipfile.ZipFile(path) as archive:
        arrays = array_names(archive)
    if "codes" in arrays and "images" not in arrays:
        raise UserError(
            f"{path} holds codes, and is no dataset",
            expected="arrays `images` and `factors`",
            received=f"arrays {', '.join(arrays)}",
            advice=f"Codes are scored with {command('evaluate')} --codes.",
        )
    images, factors = NpzArray(path, "images", None), NpzArray(path, "factors", None)
    shape = images.shape if len(images.shape) != 3 else (*images.shape, 1)
    if len(shape) != 4 or shape[0] < 1 or shape[1:3] != (SIZE, SIZE) or shape[3] not in (1, 3):
        raise UserError(
            f"wrong shape of the images in {path}",
            expected="(n, 64, 64), (n, 64, 64, 1) or (n, 64, 64, 3)",
            received=images.shape,
        )
    if images.dtype.kind not in "buif":
        raise UserError(
            f"wrong type of the images in {path}", expected="numbers", received=images.dtype
        )
    if len(factors.shape) not in (1, 2) or factors.shape[0] != shape[0] or 0 in factors.shape:
        raise UserError(
            f"wrong shape of the factors in {path}",
            expected=f"({shape[0]}, k), a row per image, k >= 1",
            received=factors.shape,
        )
    table = _texts(path, factors).reshape(shape[0], -1)
    names = [f"factor_{i}" for i in range(table.shape[1])]
    with reading(path, None), zipfile.ZipFile(path) as archive:
        named = "factor_names" in array_names(archive)
    if named:
        given = NpzArray(path, "factor_names", None)
        if given.dtype.kind not in "SU" or math.prod(given.shape) != len(names):
            raise UserError(
                f"wrong factor_names in {path}",
                expected=f"{len(names)} strings",
                received=f"{given.dtype} {given.shape}",
            )
        names = [str(name) for name in _texts(path, given).ravel()]
    rows = [f"row {row}" for row in range(len(table))]
    columns = _read_columns(names, [list(column) for column in table.T], path, rows)

    def blocks() -> Iterator[np.ndarray]:
        scale = _scale(path, images)
        for block in images.blocks():
            values = block if scale is None else np.rint(block.astype(np.float64) * scale)
            yield values.astype(np.uint8).reshape(-1, *shape[1:])

    array = decoded(f"custom-{path.stem[:40]}", shape, [path], blocks, path.parent)
    return _dataset(path, columns, array, [])


def _texts(path: Path, source: NpzArray) -> np.ndarray:
    """Return an array of numbers or strings as an array of str, numbers in their shortest form."""
    if source.dtype.kind not in "biufSU":
        raise UserError(
            f"wrong type of an array of factors in {path}",
            expected="numbers or strings",
            received=source.dtype,
        )
    values = source.read()
    if source.dtype.kind == "f" and not np.all(np.isfinite(values)):
        row = int(np.argwhere(~np.isfinite(values))[0][0])
        raise UserError(f"row {row} of the factors in {path} isn't finite")
    distinct, where = np.unique(values, return_inverse=True)
    with reading(path, None):
        if source.dtype.kind == "S":
            texts = [value.decode() for value in distinct.tolist()]
        elif source.dtype.kind == "f":
            texts = [str(int(v)) if v == np.rint(v) else str(v) for v in distinct]
        else:
            texts = [str(value) for value in distinct.tolist()]
    return np.array(texts, object)[where].reshape(values.shape)


def _scale(path: Path, images: NpzArray) -> float | None:
    """Return what makes 0 .. 255 of the images: 255 if they lie in [0, 1]; None for uint8."""
    if images.dtype == np.uint8:
        return None
    low, high = math.inf, -math.inf
    for block in images.blocks():
        low, high = min(low, float(block.min())), max(high, float(block.max()))
        if not np.all(np.isfinite(block)):
            raise UserError(f"images in {path} aren't finite", expected="no NaN, no infinity")
    if low < 0.0 or high > 255.0:
        raise UserError(
            f"images in {path} out of range",
            expected="[0, 1] or [0, 255]",
            received=f"{low:g} to {high:g}",
        )
    return 255.0 if high <= 1.0 and images.dtype.kind in "fb" else 1.0


def _read_columns(
    headers: Sequence[str], cells: Sequence[Sequence[str]], path: Path, rows: Sequence[str]
) -> list[Column]:
    columns = []
    seen: set[str] = set()
    for header, column in zip(headers, cells, strict=True):
        columns.append(read_column(header, column, str(path), rows))
        name = columns[-1].factor.name
        if name in seen:
            raise UserError(f"bad factor name in {path}", expected="each once", received=name)
        seen.add(name)
    return columns


def _dataset(
    path: Path, columns: Sequence[Column], array: np.ndarray, warnings: list[str]
) -> GroundTruthData:
    """Return the dataset of these images, and all that is to be said of it."""
    constant = [column.factor.name for column in columns if column.factor.size < 2]
    varying = [column for column in columns if column.factor.size > 1]
    if not varying:
        raise UserError(
            f"no factor of {path} has two values",
            expected="at least one that varies",
            received=f"{len(array)} images with one value of {', '.join(constant)}",
        )
    if constant:
        warnings.append(f"factors with one value are left out: {', '.join(constant)}")
    for column in varying:
        warnings += column.warnings
    table = np.stack([column.values for column in varying], axis=1)
    factors = [column.factor for column in varying]
    warnings += _range_warnings(array)
    data = TabulatedData(str(path), factors, array, table, warnings)
    if not data.is_grid:
        for factor in factors:
            if factor.size > max(100, len(array) // 2):
                data.warnings += (
                    f"{factor.name!r} has {factor.size:,} values in {len(array):,} images: "
                    "scores take each for a class of its own",
                )
    return data


def _range_warnings(array: np.ndarray) -> list[str]:
    content = content_of(array)
    low, high = content.low, content.high
    colours = {0: "all black", 255: "all white"}
    if low == high:
        return [f"the images are {colours.get(low, f'all of one value, {low} of 255')}"]
    warnings = []
    if content.binary:
        warnings.append(f"the images have only two values, {low} and {high} of 255")
    if high < _DARK or low > _BRIGHT:
        shade = "black" if high < _DARK else "white"
        warnings.append(f"the images are nearly {shade}: their values are {low} to {high} of 255")
    return warnings
