"""smallNORB (LeCun et al., 2004): toys under six lights, from the left camera."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import binary_matrix, check, grid_order, reading

CHUNKS = ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing")
_CATEGORIES = ("animal", "human", "aeroplane", "truck", "car")
_PAGE = "https://cs.nyu.edu/~ylclab/data/norb-v1.0-small/"
# Of each file: the chunk, the part, the size of its .gz and the SHA-256 of it.
_FILES = (
    (0, "dat", 131896188, "5ffd6272a07d32695ee1082a26a41a93a37aab8c28da047f8c34ed348d214873"),
    (0, "cat", 348, "2784e542c1922060691090952b6cd6278879a216c90f81476f0f00256d42cdaa"),
    (0, "info", 71052, "de7eb932ebe7a4ee16217fead60660d0eb3d23632c2f4d1c51f88c501c17bf32"),
    (1, "dat", 130799817, "cf7104eed3e51174d2f65b66d1e5878b9da233b886f161b0d88f4510ba2c7474"),
    (1, "cat", 347, "ecaf6d5bb8c3bc5eab9cf0258f6d2198dd474e016e374836fc097f2e5ff509ff"),
    (1, "info", 10428, "16adf314226327ee006d1a44db8cfef52773c06c829951d5653a9f6f310248a2"),
)


class SmallNORB(PublicData, ArrayData):
    """Grey images, 64 x 64 x 1: 5 categories x 9 elevations x 18 azimuths x 6 lights.

    Each category has ten instances; which one is shown is drawn at random and isn't a factor.

    Args:
        data_dir: the folder of the public files.
    """

    name = "smallnorb"
    grid = (
        Factor("category", 5, labels=_CATEGORIES),
        Factor("instance", 10, nuisance=True),
        Factor("elevation", 9),
        Factor("azimuth", 18, symmetry=1),
        Factor("lighting", 6),
    )
    image_shape = (64, 64, 1)
    page = _PAGE
    files = tuple(
        PublicFile(
            f"small_norb/smallnorb-{CHUNKS[chunk]}-{part}.mat.gz",
            (f"{_PAGE}smallnorb-{CHUNKS[chunk]}-{part}.mat.gz",),
            size,
            f"sha256:{digest}",
            others=(f"small_norb/smallnorb-{CHUNKS[chunk]}-{part}.mat",),
        )
        for chunk, part, size, digest in _FILES
    )

    def __init__(self, data_dir: Path) -> None:
        found = [self.find(file, data_dir) for file in self.files]
        files = [found[:3], found[3:]]
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
            replace(factor, size=size, labels=factor.labels[:size])
            for factor, size in zip(self.grid, sizes, strict=True)
        ]
        everything = [file for chunk in files for file in chunk]
        shape = (len(table), 64, 64, 1)
        super().__init__(self.name, grid, decoded(self.name, shape, everything, blocks, data_dir))


def _pictures(path: Path, count: int) -> np.ndarray:
    """Return the left camera's images, uint8 (count, 64, 64, 1)."""
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
