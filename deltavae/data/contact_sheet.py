"""Contact sheets and strips of an image set, as pictures."""

import numpy as np
from PIL import Image

from deltavae.data.dataset import GroundTruthData

_GAP = 2


def tile(images: np.ndarray, columns: int, zoom: int = 1) -> Image.Image:
    """Lays images side by side on white.

    Args:
        images: uint8 (n, height, width, channels), with 1 or 3 channels.
        columns: images in a row.
        zoom: how many pixels show one, along either side.
    """
    count, height, width, _ = images.shape
    rows = -(-count // columns)
    shape = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
    canvas = np.full(shape, 255, np.uint8)
    for i, image in enumerate(images):
        top = _GAP + i // columns * (height + _GAP)
        left = _GAP + i % columns * (width + _GAP)
        canvas[top : top + height, left : left + width] = image
    picture = Image.fromarray(canvas)
    return picture.resize((picture.width * zoom, picture.height * zoom), Image.Resampling.NEAREST)


def contact_sheet(
    data: GroundTruthData, columns: int = 12, rows: int = 8, seed: int = 0
) -> Image.Image:
    """Images drawn at random from the set."""
    random_state = np.random.RandomState(seed)
    indices = random_state.randint(data.num_images, size=columns * rows)
    return tile(data.images(indices, random_state), columns)


def strip(data: GroundTruthData, factor: int, columns: int = 12, seed: int = 0) -> Image.Image:
    """One factor varied while the others keep random values; three rows of such variations.

    Args:
        data: a set on a full grid.
        factor: position of the factor.
        columns: at most so many of its values are shown, evenly spread.
        seed: of the other factors' values.
    """
    random_state = np.random.RandomState(seed)
    size = data.factor_sizes[factor]
    values = np.unique(np.linspace(0, size - 1, min(size, columns)).round().astype(np.int64))
    factors = np.repeat(data.sample_factors(3, random_state), len(values), axis=0)
    factors[:, factor] = np.tile(values, 3)
    return tile(data.images(data.index_of(factors), random_state), len(values))
