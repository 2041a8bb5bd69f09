"""Contact sheets and strips of a dataset, as pictures."""

import numpy as np
from PIL import Image

from deltavae.data.dataset import GroundTruthData
from deltavae.data.image_grid import grid, in_rows


def contact_sheet(
    data: GroundTruthData, columns: int = 12, rows: int = 8, seed: int = 0
) -> Image.Image:
    """Lay images drawn at random from the dataset side by side."""
    random_state = np.random.RandomState(seed)
    indices = random_state.randint(data.num_images, size=columns * rows)
    return Image.fromarray(grid(in_rows(data.images(indices, random_state), columns)))


def strip(data: GroundTruthData, factor: int, columns: int = 12, seed: int = 0) -> Image.Image:
    """Vary one factor while the others keep random values; three rows of such variations.

    Args:
        data: a dataset on a full grid.
        factor: position of the factor.
        columns: at most so many of its values are shown, evenly spread.
        seed: of the other factors' values.
    """
    random_state = np.random.RandomState(seed)
    size = data.factor_sizes[factor]
    values = np.unique(np.linspace(0, size - 1, min(size, columns)).round().astype(np.int64))
    factors = np.repeat(data.sample_factors(3, random_state), len(values), axis=0)
    factors[:, factor] = np.tile(values, 3)
    images = data.images(data.index_of(factors), random_state)
    return Image.fromarray(grid(in_rows(images, len(values))))
