"""The user's own images: a folder with a table of factors, or one .npz file.

Folder: images of any format that Pillow reads, and `factors.csv`, whose first column, `file`,
names an image and whose other columns are the factors. A header that ends in `:circle` marks
a factor that lives on a circle.

.npz: `images`, (n, 64, 64) or (n, 64, 64, 1 or 3), uint8 or numbers in [0, 1] or [0, 255];
`factors`, (n, k) integers or strings; and, if wanted, `factor_names`, (k,) strings, which may
end in `:circle` too.

Values of a factor become 0, 1, ... in sorted order and stay as its labels. Images that show
every combination once make a full grid; others can be trained on, but not intervened on.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from deltavae.data.cache import decoded
from deltavae.data.dataset import Factor, GroundTruthData
from deltavae.data.readers import NpzArray, check, reading
from deltavae.data.tabulated import TabulatedData
from deltavae.errors import UserError

TABLE = "factors.csv"


def load_own(path: Path) -> GroundTruthData:
    """Opens the user's own images.

    Args:
        path: a folder with `factors.csv`, or an .npz file.

    Raises:
        UserError: if anything about the images or the table doesn't fit.
    """
    path = path.resolve()
    return _load_folder(path) if path.is_dir() else _load_npz(path)


def _load_folder(folder: Path) -> GroundTruthData:
    table = folder / TABLE
    with reading(table), table.open(newline="", encoding="utf-8-sig") as text:
        header, *rows = [row for row in csv.reader(text) if row]
    check(table, "first column", "file", header[0] if header else None)
    if len(header) < 2 or not rows:
        raise UserError(f"no factors in {table}", expected="a column for each, a row an image")
    for number, row in enumerate(rows, start=2):
        check(table, f"columns of row {number}", len(header), len(row))
    files = [folder / row[0] for row in rows]
    for file in files:
        if not file.resolve().is_relative_to(folder):
            raise UserError(f"an image outside {folder}", received=file)
    with reading(files[0]):
        channels = max(_read_image(file).shape[-1] for file in files)

    def blocks() -> Iterator[np.ndarray]:
        for file in files:
            image = _read_image(file)
            yield np.broadcast_to(image, (64, 64, channels))[None]

    values = np.array([row[1:] for row in rows])
    shape = (len(files), 64, 64, channels)
    array = decoded(f"own-{folder.name}", shape, [table, *files], blocks, folder)
    return _arrange(folder, table, array, values, header[1:])


def _read_image(path: Path) -> np.ndarray:
    """uint8 (64, 64, 1 or 3), resized with LANCZOS if it has another size."""
    with reading(path), Image.open(path) as image:
        grey = image.mode in ("1", "L")
        picture = image.convert("L" if grey else "RGB")
        if picture.width != picture.height:
            raise UserError(f"{path} isn't square", received=f"{picture.width} x {picture.height}")
        picture = picture.resize((64, 64), Image.Resampling.LANCZOS)
        return np.asarray(picture).reshape(64, 64, 1 if grey else 3)


def _load_npz(path: Path) -> GroundTruthData:
    images, factors = NpzArray(path, "images"), NpzArray(path, "factors")
    shape = images.shape if len(images.shape) != 3 else (*images.shape, 1)
    if len(shape) != 4 or shape[0] < 1 or shape[1:3] != (64, 64) or shape[3] not in (1, 3):
        raise UserError(
            f"wrong shape of the images in {path}",
            expected="(n, 64, 64), (n, 64, 64, 1) or (n, 64, 64, 3)",
            received=images.shape,
        )
    if images.dtype.kind not in "buif":
        raise UserError(
            f"wrong type of the images in {path}", expected="numbers", received=images.dtype
        )
    check(path, "shape of the factors", (shape[0], 2), (*factors.shape[:1], len(factors.shape)))
    if factors.dtype.kind not in "biuSU" or not factors.shape[1]:
        raise UserError(
            f"wrong factors in {path}",
            expected="(n, k) integers or strings, k >= 1",
            received=f"{factors.dtype} {factors.shape}",
        )
    with reading(path):
        scale = _scale(path, images)
        values = factors.read()
        names = [f"factor_{i}" for i in range(factors.shape[1])]
        with np.load(path, allow_pickle=False) as content:
            if "factor_names" in content:
                names = [str(name) for name in content["factor_names"].ravel()]
    check(path, "number of factor names", factors.shape[1], len(names))

    def blocks() -> Iterator[np.ndarray]:
        for block in images.blocks():
            values = block if scale is None else np.rint(block.astype(np.float64) * scale)
            yield values.astype(np.uint8).reshape(-1, *shape[1:])

    array = decoded(f"own-{path.stem}", shape, [path], blocks, path.parent)
    return _arrange(path, path, array, values, names)


def _scale(path: Path, images: NpzArray) -> float | None:
    """What makes 0 .. 255 of the images: 255 if they lie in [0, 1]; None for uint8."""
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


def _arrange(
    path: Path, table: Path, array: np.ndarray, values: np.ndarray, names: Sequence[str]
) -> GroundTruthData:
    """The dataset of these images, with what the columns of the table mean."""
    codes = np.empty(values.shape, np.int64)
    factors: list[Factor] = []
    for i, name in enumerate(names):
        name, _, kind = name.strip().partition(":")
        column = values[:, i]
        labels, codes[:, i] = np.unique(column, return_inverse=True)
        if column.dtype.kind == "U" and (numbers := _as_numbers(labels)) is not None:
            rank = np.argsort(np.argsort(numbers, kind="stable"))
            labels = labels[np.argsort(numbers, kind="stable")]
            codes[:, i] = rank[codes[:, i]]
        if kind not in ("", "circle") or not name or name in (f.name for f in factors):
            raise UserError(
                f"bad factor name in {table}",
                expected="distinct names, with ':circle' or nothing after them",
                received=repr(names[i]),
            )
        symmetry = 1 if kind == "circle" else None
        factors.append(Factor(name, len(labels), symmetry, tuple(str(v) for v in labels)))
    return TabulatedData(str(path), factors, array, codes)


def _as_numbers(labels: np.ndarray) -> np.ndarray | None:
    try:
        return labels.astype(np.float64)
    except ValueError:
        return None
