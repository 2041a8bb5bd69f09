"""Isaac3D and Falcor3D (Nie et al., 2020): rendered rooms, one with a robot's arm in it."""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import check, grid_order, reading

_BLOCK = 256


class _Rendered(PublicData, ArrayData):
    """Colour images, 64 x 64 x 3, from the publisher's archive of 128 x 128.

    The archive holds `images/000000.png` and so on, and a table of labels in [0, 1], from
    which the order of the images is taken. Sizes are halved by averages of 2 x 2 pixels.
    Decoding 700,000 images takes some ten minutes, once.

    Args:
        data_dir: the folder of the public files.
    """

    image_shape = (64, 64, 3)
    page = "https://github.com/NVlabs/High-res-disentanglement-datasets"

    def __init__(self, data_dir: Path) -> None:
        labels, folder = (self.find(file, data_dir) for file in self.files)
        with reading(labels):
            table = np.load(labels, allow_pickle=False)
        check(labels, "axes of the labels", 2, table.ndim)
        check(labels, "columns of the labels", len(self.grid), table.shape[1])
        columns = [np.unique(column, return_inverse=True) for column in table.T]
        sizes = [factor.size for factor in self.grid]
        check(labels, "values of each column", sizes, [len(values) for values, _ in columns])
        order = grid_order(labels, np.stack([codes for _, codes in columns], axis=1), sizes)

        def blocks() -> Iterator[np.ndarray]:
            for start in range(0, len(order), _BLOCK):
                rows = order[start : start + _BLOCK]
                yield np.stack([_read_image(folder / f"{row:06d}.png") for row in rows])

        shape = (math.prod(sizes), *self.image_shape)
        super().__init__(
            self.name, self.grid, decoded(self.name, shape, [labels, folder], blocks, data_dir)
        )


class Isaac3D(_Rendered):
    """737,280 images of a robot's arm that carries an object through a kitchen.

    The factors are in the order of the publisher's program and of the strides on its page,
    whose names are listed in another order.
    """

    name = "isaac3d"
    grid = (
        Factor("object_shape", 3),
        Factor("robot_x", 8),
        Factor("robot_y", 5),
        Factor("camera_height", 4),
        Factor("object_scale", 4),
        Factor("lighting_intensity", 4),
        Factor("lighting_direction", 6),
        Factor("object_colour", 4),
        Factor("wall_colour", 4),
    )
    files = (PublicFile("Isaac3D_down128/labels.npy"), PublicFile("Isaac3D_down128/images"))


class Falcor3D(_Rendered):
    """233,280 images of a living room under a lamp and a camera that move."""

    name = "falcor3d"
    grid = (
        Factor("lighting_intensity", 5),
        Factor("lighting_x", 6),
        Factor("lighting_y", 6),
        Factor("lighting_z", 6),
        Factor("camera_x", 6),
        Factor("camera_y", 6),
        Factor("camera_z", 6),
    )
    files = (
        PublicFile("Falcor3D_down128/train-rec.labels"),
        PublicFile("Falcor3D_down128/images"),
    )


def _read_image(path: Path) -> np.ndarray:
    """Read a PNG of 128 x 128 as uint8 (64, 64, 3)."""
    with reading(path), Image.open(path) as image:
        check(path, "size of the image", (128, 128), image.size)
        picture = image.convert("RGB").resize((64, 64), Image.Resampling.BOX)
        return np.asarray(picture)
