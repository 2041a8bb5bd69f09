"""dSprites and its coloured, noisy and painted variants (Matthey et al., 2017; Locatello et al.,
2019).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image
from typing_extensions import override

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.public.base import PublicData, PublicFile
from deltavae.data.readers import NpzArray, check, grid_order, reading
from deltavae.errors import UserError

_FILE = PublicFile(
    "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    (
        "https://github.com/google-deepmind/dsprites-dataset/raw/master/"
        "dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
    ),
)
_SCREAM = PublicFile(
    "scream/scream.jpg",
    ("https://upload.wikimedia.org/wikipedia/commons/f/f4/The_Scream.jpg",),
)
_SIZES = (1, 3, 6, 40, 32, 32)
_SHAPES = ("square", "ellipse", "heart")


def dsprites_grid(sizes: Sequence[int], hide_shape: bool = False) -> tuple[Factor, ...]:
    """Return the factors of dSprites, its constant colour among them.

    The orientation's symmetry is the heart's; a square repeats four times in a turn, an
    ellipse twice. The angles run from 0 to 2 pi with both ends, so the first and the last of
    them look alike and a turn has one step less than there are values.
    """
    colour, shape, scale, orientation, x, y = (int(size) for size in sizes)
    angles = tuple(2.0 * np.pi * np.arange(orientation) / max(orientation - 1, 1))
    return (
        Factor("colour", colour, nuisance=True),
        Factor("shape", shape, labels=_SHAPES[:shape], nuisance=hide_shape),
        Factor("scale", scale),
        Factor("orientation", orientation, symmetry=1, angles=angles),
        Factor("position_x", x),
        Factor("position_y", y),
    )


def _read(path: Path, data_dir: Path) -> tuple[np.ndarray, Sequence[int]]:
    classes = NpzArray(path, "latents_classes")
    check(path, "columns of latents_classes", 6, classes.shape[-1])
    with reading(path):
        table = classes.read().astype(np.int64)
        sizes = (table.max(axis=0) + 1).tolist()
    order = grid_order(path, table, sizes)
    check(path, "images out of the order of their factors", 0, int(np.sum(np.diff(order) != 1)))
    source = NpzArray(path, "imgs")
    check(path, "shape and type of imgs", ((len(table), 64, 64), "uint8"), _kind(source))

    def blocks() -> Iterator[np.ndarray]:
        for block in source.blocks():
            if block.max(initial=0) > 1:
                check(path, "largest value of imgs", 1, int(block.max()))
            yield block[..., None] * np.uint8(255)

    shape = (len(table), 64, 64, 1)
    return decoded("dsprites", shape, [path], blocks, data_dir), sizes


def _kind(source: NpzArray) -> tuple:
    return source.shape, str(source.dtype)


class DSprites(PublicData, ArrayData):
    """White sprites on black, 64 x 64 x 1.

    Args:
        data_dir: the folder of the public files.
    """

    name = "dsprites_full"
    grid = dsprites_grid(_SIZES)
    image_shape = (64, 64, 1)
    page = "https://github.com/google-deepmind/dsprites-dataset"
    files: ClassVar[Sequence[PublicFile]] = (_FILE,)
    hide_shape: ClassVar[bool] = False

    def __init__(self, data_dir: Path) -> None:
        array, sizes = _read(self.find(_FILE, data_dir), data_dir)
        super().__init__(self.name, dsprites_grid(sizes, self.hide_shape), array)


class DSpritesNoShape(DSprites):
    """dSprites whose shape is drawn at random instead of being a factor."""

    name = "dsprites_noshape"
    grid = dsprites_grid(_SIZES, hide_shape=True)
    hide_shape = True


class _ColouredDSprites(DSprites):
    """Sprites in three channels whose pixels also depend on chance, not on a factor."""

    image_shape = (64, 64, 3)
    is_stochastic = True

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.image_shape = (64, 64, 3)

    def _sprites(self, indices: np.ndarray) -> np.ndarray:
        """Return masks of the sprites, bool (n, 64, 64, 1)."""
        return super().images(indices) > 0

    @override
    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        random_state = random_state or np.random.RandomState(0)
        values = self.observations(indices, random_state)
        return (values * np.float32(255.0) + np.float32(0.5)).astype(np.uint8)


class ColorDSprites(_ColouredDSprites):
    """Sprites in a colour drawn anew for every image, each channel uniform on [0.5, 1]."""

    name = "color_dsprites"

    @override
    def observations(self, indices: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        colour = random_state.uniform(0.5, 1, [len(indices), 1, 1, 3])
        return (self._sprites(indices) * colour).astype(np.float32)


class NoisyDSprites(_ColouredDSprites):
    """White sprites on uniform noise."""

    name = "noisy_dsprites"

    @override
    def observations(self, indices: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        noise = random_state.uniform(0, 1, [len(indices), 64, 64, 3])
        return np.where(self._sprites(indices), 1.0, noise).astype(np.float32)


class ScreamDSprites(_ColouredDSprites):
    """Sprites that invert a random patch, randomly tinted, of Munch's The Scream."""

    name = "scream_dsprites"
    files = (_FILE, _SCREAM)

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        path = self.find(_SCREAM, data_dir)
        with reading(path), Image.open(path) as picture:
            picture.thumbnail((350, 274))
            self._picture = np.asarray(picture) * 1.0 / 255.0
        shape = self._picture.shape
        if shape[2:] != (3,) or min(shape[:2]) <= 64:
            raise UserError(
                f"unexpected picture in {path}",
                expected="colours, and more than 64 x 64 pixels when reduced to 350 x 274",
                received=f"shape {shape}",
            )

    @override
    def observations(self, indices: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        height, width, _ = self._picture.shape
        masks = self._sprites(indices)
        result = np.empty((len(masks), 64, 64, 3), np.float32)
        # One image at a time: that is the order in which its random numbers are drawn.
        for i, mask in enumerate(masks):
            x = random_state.randint(0, height - 64)
            y = random_state.randint(0, width - 64)
            patch = self._picture[x : x + 64, y : y + 64]
            patch = (patch + random_state.uniform(0, 1, size=3)) / 2.0
            result[i] = np.where(mask, 1 - patch, patch)
        return result
