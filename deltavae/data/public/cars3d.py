"""Cars3D (Reed et al., 2015): car models seen from all around."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.io
from PIL import Image

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import reading
from deltavae.errors import UserError

ELEVATIONS, AZIMUTHS = 4, 24


class Cars3D(PublicData, ArrayData):
    """Colour images, 64 x 64 x 3: 4 elevations x 24 azimuths x as many cars as there are files.

    The public dataset has 183 cars. They are taken in the order of their file names. Hidden
    files, such as the "._*.mat" that macOS writes beside others, aren't cars.

    Args:
        data_dir: the folder of the public files.
    """

    name = "cars3d"
    grid = (
        Factor("elevation", ELEVATIONS),
        Factor("azimuth", AZIMUTHS, symmetry=1),
        Factor("object", 183),
    )
    image_shape = (64, 64, 3)
    page = "http://www.scottreed.info/"
    files = (
        PublicFile(
            "cars",
            ("http://www.scottreed.info/files/nips2015-analogy-data.tar.gz",),
            unpack="data/cars",
        ),
    )

    def __init__(self, data_dir: Path) -> None:
        folder = self.find(self.files[0], data_dir)
        files = sorted(file for file in folder.glob("*.mat") if not file.name.startswith("."))
        if not files:
            raise UserError(f"no cars in {folder}", expected="files named *.mat")

        def blocks() -> Iterator[np.ndarray]:
            images = np.stack([_read_car(file) for file in files], axis=2)
            yield from images.reshape(ELEVATIONS, -1, 64, 64, 3)

        cars = Factor("object", len(files), labels=tuple(file.stem for file in files))
        shape = (ELEVATIONS * AZIMUTHS * len(files), *self.image_shape)
        array = decoded(self.name, shape, files, blocks, data_dir)
        super().__init__(self.name, (*self.grid[:2], cars), array)


def _read_car(path: Path) -> np.ndarray:
    """Read a car as uint8 (elevation, azimuth, 64, 64, 3)."""
    with reading(path):
        content = scipy.io.loadmat(str(path), variable_names=["im"])
        if "im" not in content:
            raise UserError(f"no array 'im' in {path}")
        pictures = content["im"]
    size = pictures.shape[0] if pictures.ndim else 0
    expected = (size, size, 3, AZIMUTHS, ELEVATIONS)
    if pictures.dtype != np.uint8 or pictures.shape != expected or size < 1:
        raise UserError(
            f"wrong images in {path}",
            expected=f"uint8 (n, n, 3, {AZIMUTHS}, {ELEVATIONS})",
            received=f"{pictures.dtype} {pictures.shape}",
        )
    result = np.empty((ELEVATIONS, AZIMUTHS, 64, 64, 3), np.uint8)
    for elevation in range(ELEVATIONS):
        for azimuth in range(AZIMUTHS):
            picture = Image.fromarray(np.ascontiguousarray(pictures[..., azimuth, elevation]))
            picture = picture.resize((64, 64), Image.Resampling.LANCZOS)
            result[elevation, azimuth] = np.asarray(picture)
    return result
