"""MPI3D (Gondal et al., 2019): an object on a robot's finger, drawn, rendered or photographed."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import NpzArray, check
from deltavae.errors import UserError

Grid = tuple[Factor, ...]

_BUCKET = "https://storage.googleapis.com/mpi3d_disentanglement_dataset/data/"
_HUB = "https://huggingface.co/datasets/waleedgondal/mpi3d/resolve/main/"


def mpi3d_grid(colours: tuple[str, ...], shapes: tuple[str, ...]) -> Grid:
    """Return the seven factors; the two axes of the robot don't make full turns."""
    return (
        Factor("object_colour", len(colours), labels=colours),
        Factor("object_shape", len(shapes), labels=shapes),
        Factor("object_size", 2, labels=("small", "large")),
        Factor("camera_height", 3, labels=("top", "centre", "bottom")),
        Factor("background_colour", 3, labels=("purple", "sea green", "salmon")),
        Factor("horizontal_axis", 40),
        Factor("vertical_axis", 40),
    )


class _MPI3D(PublicData, ArrayData):
    """Colour images, 64 x 64 x 3, with seven factors.

    Args:
        data_dir: the folder of the public files.
    """

    grid = mpi3d_grid(
        ("white", "green", "red", "blue", "brown", "olive"),
        ("cone", "cube", "cylinder", "hexagonal", "pyramid", "sphere"),
    )
    # What earlier releases had in files of the same name; the number of images tells which.
    other_grids: ClassVar[tuple[Grid, ...]] = ()
    image_shape = (64, 64, 3)
    page = "https://github.com/rr-learning/disentanglement_dataset"

    def __init__(self, data_dir: Path) -> None:
        path = self.find(self.files[0], data_dir)
        source = NpzArray(path, "images")
        known = {math.prod(f.size for f in grid): grid for grid in (self.grid, *self.other_grids)}
        count = math.prod(source.shape[:-3])
        if count not in known:
            raise UserError(f"images in {path}", expected=f"one of {list(known)}", received=count)
        sizes = tuple(factor.size for factor in known[count])
        check(path, "type of the images", "uint8", str(source.dtype))
        check(path, "shape of an image", self.image_shape, source.shape[-3:])
        if source.shape[:-3] != sizes:
            check(path, "axes of the images", (count,), source.shape[:-3])

        def blocks() -> Iterator[np.ndarray]:
            for block in source.blocks():
                yield block.reshape(-1, *self.image_shape)

        array = decoded(self.name, (count, *self.image_shape), [path], blocks, data_dir)
        super().__init__(self.name, known[count], array)


class MPI3DToy(_MPI3D):
    """1,036,800 drawn images; a first release had 460,800 with four colours and shapes."""

    name = "mpi3d_toy"
    other_grids = (
        mpi3d_grid(
            ("green", "red", "blue", "brown"), ("cone", "cube", "hexagonal prism", "sphere")
        ),
    )
    files = (
        PublicFile("mpi3d_toy/mpi3d_toy.npz", (f"{_BUCKET}mpi3d_toy.npz", f"{_HUB}mpi3d_toy.npz")),
    )


class MPI3DRealistic(MPI3DToy):
    """1,036,800 rendered images; so had their first release 460,800."""

    name = "mpi3d_realistic"
    files = (
        PublicFile(
            "mpi3d_realistic/mpi3d_realistic.npz",
            (f"{_BUCKET}mpi3d_realistic.npz", f"{_HUB}mpi3d_realistic.npz"),
        ),
    )


class MPI3DReal(_MPI3D):
    """1,036,800 photographs of 3D-printed objects.

    The file in the bucket was reported to hold garbled images in 2024 (the publisher's issue
    5, since closed as fixed), so the address that the publisher's page names comes first.
    """

    name = "mpi3d_real"
    files = (
        PublicFile("mpi3d_real/mpi3d_real.npz", (f"{_HUB}mpi3d_real.npz", f"{_BUCKET}real.npz")),
    )


class MPI3DRealComplex(_MPI3D):
    """460,800 photographs of everyday objects: four shapes in four colours.

    The publisher offers the file on Google Drive, from where no command fetches it.
    """

    name = "mpi3d_real_complex"
    grid = mpi3d_grid(
        ("yellow", "green", "olive", "red"),
        ("coffee cup", "tennis ball", "croissant", "beer cup"),
    )
    files = (PublicFile("mpi3d_real_complex/real3d_complicated_shapes_ordered.npz"),)
