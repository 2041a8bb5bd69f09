"""smallNORB (LeCun et al., 2004): toys under six lights, from the left camera."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from deltavae.data.cache import decoded
from deltavae.data.catalogue import find
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.readers import binary_matrix, check, grid_order, reading

CHUNKS = ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing")
_CATEGORIES = ("animal", "human", "aeroplane", "truck", "car")
_PARTS = ("dat", "cat", "info")


class SmallNORB(ArrayData):
    """Grey images, 64 x 64 x 1: 5 categories x 9 elevations x 18 azimuths x 6 lights.

    Each category has ten instances; which one is shown is drawn at random and isn't a factor.

    Args:
        data_dir: the folder of the public files.
    """

    def __init__(self, data_dir: Path) -> None:
        files = [[_file(data_dir, chunk, part) for part in _PARTS] for chunk in CHUNKS]
        rows = []
        for dat, cat, info in files:
            category, rest = binary_matrix(cat), binary_matrix(info)
            check(info, "shape of the table", (len(category), 4), rest.shape)
            check(cat, "axes of the category list", 1, category.ndim)
            rows.append(np.column_stack([category, rest]))
            check(dat, "folder", info.parent, dat.parent)
        table = np.concatenate(rows).astype(np.int64)
        table[:, 3] //= 2  # Azimuths are stored as 0, 2, ... 34, in units of ten degrees.
        sizes = (table.max(axis=0) + 1).tolist()
        order = grid_order(files[0][2], table, sizes)
        lengths = [len(part) for part in rows]

        def blocks() -> Iterator[np.ndarray]:
            parts = [_pictures(chunk[0], n) for chunk, n in zip(files, lengths, strict=True)]
            yield np.concatenate(parts)[order]

        grid = [
            Factor("category", sizes[0], labels=_CATEGORIES[: sizes[0]]),
            Factor("instance", sizes[1], nuisance=True),
            Factor("elevation", sizes[2]),
            Factor("azimuth", sizes[3], symmetry=1),
            Factor("lighting", sizes[4]),
        ]
        everything = [file for chunk in files for file in chunk]
        shape = (len(table), 64, 64, 1)
        array = decoded("smallnorb", shape, everything, blocks, data_dir)
        super().__init__("smallnorb", grid, array)


def _file(data_dir: Path, chunk: str, part: str) -> Path:
    plain = f"small_norb/smallnorb-{chunk}-{part}.mat"
    return find("smallnorb", data_dir, plain, f"{plain}.gz")


def _pictures(path: Path, count: int) -> np.ndarray:
    """The left camera's images, uint8 (count, 64, 64, 1)."""
    pairs = binary_matrix(path)
    expected = (count, 2, *pairs.shape[2:])
    check(path, "shape and type", (expected, 4, "uint8"), (pairs.shape, pairs.ndim, pairs.dtype))
    result = np.empty((count, 64, 64, 1), np.uint8)
    with reading(path):
        for i, picture in enumerate(pairs[:, 0]):
            # Resized in 32 bits, which rounds as disentanglement_lib's reader does, and then
            # clipped, which that reader omits: LANCZOS overshoots at sharp edges.
            wide = Image.fromarray(picture.astype(np.int32))
            wide = wide.resize((64, 64), Image.Resampling.LANCZOS)
            result[i, ..., 0] = np.clip(np.asarray(wide), 0, 255)
    return result
