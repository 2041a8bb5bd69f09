"""Shapes3D (Burgess and Kim, 2018): a coloured object in a coloured room."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.catalogue import find
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.readers import NpzArray, check, h5_blocks, h5_shape

SIZES = (10, 10, 10, 8, 4, 15)
FILES = (
    "3dshapes/3dshapes.h5",
    "3dshapes.h5",
    "3dshapes/look-at-object-room_floor-hueXwall-hueXobj-hueXobj-sizeXobj-shapeXview-azi.npz",
    "3dshapes/3dshapes.npz",
)
_SHAPES = ("cube", "cylinder", "sphere", "capsule")


class Shapes3D(ArrayData):
    """Colour images, 64 x 64 x 3, with six factors; the view turns by 60 degrees, no circle.

    Hues go round a colour circle, of which the ten values leave no gap; as in the published
    studies they aren't treated as periodic.

    Args:
        data_dir: the folder of the public files: the .h5 as published or an .npz of the same.
    """

    def __init__(self, data_dir: Path) -> None:
        path = find("shapes3d", data_dir, *FILES)
        count = math.prod(SIZES)
        if path.suffix == ".h5":
            shape, dtype = h5_shape(path, "images")
            accepted: list[tuple[int, ...]] = [(count, 64, 64, 3)]
        else:
            source = NpzArray(path, "images")
            shape, dtype = source.shape, source.dtype
            accepted = [(count, 64, 64, 3), (*SIZES, 64, 64, 3)]
        check(path, "type of the images", "uint8", str(dtype))
        check(path, f"shape {shape} of the images is one of {accepted}", True, shape in accepted)

        def blocks() -> Iterator[np.ndarray]:
            pieces = h5_blocks(path, "images") if path.suffix == ".h5" else source.blocks()
            for block in pieces:
                yield block.reshape(-1, 64, 64, 3)

        names = ("floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation")
        grid = [
            Factor(name, size, labels=_SHAPES[:size] if name == "shape" else ())
            for name, size in zip(names, SIZES, strict=True)
        ]
        array = decoded("shapes3d", (count, 64, 64, 3), [path], blocks, data_dir)
        super().__init__("shapes3d", grid, array)
