"""MPI3D (Gondal et al., 2019): an object on a robot's finger, drawn, rendered or photographed."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.catalogue import find
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.readers import NpzArray, check
from deltavae.errors import UserError

# Today's files have six colours and six shapes; the first release of the drawn and rendered
# ones had four of each. Only the number of images tells.
GRIDS = ((6, 6, 2, 3, 3, 40, 40), (4, 4, 2, 3, 3, 40, 40))
_NAMES = (
    "object_colour",
    "object_shape",
    "object_size",
    "camera_height",
    "background_colour",
    "horizontal_axis",
    "vertical_axis",
)
_LABELS = {
    "object_colour": ("white", "green", "red", "blue", "brown", "olive"),
    "object_shape": ("cone", "cube", "cylinder", "hexagonal", "pyramid", "sphere"),
    "object_size": ("small", "large"),
    "camera_height": ("top", "centre", "bottom"),
    "background_colour": ("purple", "sea green", "salmon"),
}


class MPI3D(ArrayData):
    """Colour images, 64 x 64 x 3, with seven factors; the two axes don't make full turns.

    Args:
        data_dir: the folder of the public files.
        name: mpi3d_toy, mpi3d_realistic or mpi3d_real.
    """

    def __init__(self, data_dir: Path, name: str) -> None:
        path = find(name, data_dir, f"{name}/{name}.npz")
        source = NpzArray(path, "images")
        known = {math.prod(sizes): sizes for sizes in GRIDS}
        count = math.prod(source.shape[:-3])
        if count not in known:
            raise UserError(f"images in {path}", expected=f"one of {list(known)}", received=count)
        sizes = known[count]
        check(path, "type of the images", "uint8", str(source.dtype))
        check(path, "shape of an image", (64, 64, 3), source.shape[-3:])
        check(path, "axes of the images", True, source.shape[:-3] in ((count,), sizes))

        def blocks() -> Iterator[np.ndarray]:
            for block in source.blocks():
                yield block.reshape(-1, 64, 64, 3)

        # The labels are those of the six-valued grid.
        grid = [
            Factor(factor, size, labels=_LABELS.get(factor, ()) if sizes == GRIDS[0] else ())
            for factor, size in zip(_NAMES, sizes, strict=True)
        ]
        array = decoded(name, (count, 64, 64, 3), [path], blocks, data_dir)
        super().__init__(name, grid, array)
