"""Shapes3D (Burgess and Kim, 2018): a coloured object in a coloured room."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import NpzArray, check, h5_blocks, h5_shape
from deltavae.errors import UserError


class Shapes3D(PublicData, ArrayData):
    """Colour images, 64 x 64 x 3, with six factors; the view turns by 60 degrees, no circle.

    Hues go round a colour circle, of which the ten values leave no gap; as in the published
    studies they aren't treated as periodic.

    Args:
        data_dir: the folder of the public files: the .h5 as published or an .npz of the same.
    """

    name = "shapes3d"
    grid = (
        Factor("floor_hue", 10),
        Factor("wall_hue", 10),
        Factor("object_hue", 10),
        Factor("scale", 8),
        Factor("shape", 4, labels=("cube", "cylinder", "sphere", "capsule")),
        Factor("orientation", 15),
    )
    image_shape = (64, 64, 3)
    page = "https://github.com/google-deepmind/3d-shapes"
    files = (
        PublicFile(
            "3dshapes/3dshapes.h5",
            ("https://storage.googleapis.com/3d-shapes/3dshapes.h5",),
            267573662,
            "sha256:0a0f6ed98baff276a50f3a081a7434d788da63cb135a98189b2a5b5769be1785",
            others=(
                "3dshapes.h5",
                "3dshapes/look-at-object-room_floor-hueXwall-hueXobj-hueXobj-sizeXobj-shapeXview-"
                "azi.npz",
                "3dshapes/3dshapes.npz",
            ),
        ),
    )

    def __init__(self, data_dir: Path) -> None:
        path = self.find(self.files[0], data_dir)
        sizes = tuple(factor.size for factor in self.grid)
        count = math.prod(sizes)
        if path.suffix == ".h5":
            shape, dtype = h5_shape(path, "images")
            accepted: list[tuple[int, ...]] = [(count, 64, 64, 3)]
        else:
            source = NpzArray(path, "images")
            shape, dtype = source.shape, source.dtype
            accepted = [(count, 64, 64, 3), (*sizes, 64, 64, 3)]
        check(path, "type of the images", "uint8", str(dtype))
        if shape not in accepted:
            expected = " or ".join(map(str, accepted))
            raise UserError(f"shape of the images in {path}", expected=expected, received=shape)

        def blocks() -> Iterator[np.ndarray]:
            pieces = h5_blocks(path, "images") if path.suffix == ".h5" else source.blocks()
            for block in pieces:
                yield block.reshape(-1, 64, 64, 3)

        array = decoded(self.name, (count, 64, 64, 3), [path], blocks, data_dir)
        super().__init__(self.name, self.grid, array)
