"""Part of a dataset, for training: the rest is held out."""

import numpy as np

from deltavae.data.dataset import GroundTruthData
from deltavae.errors import UserError


class Subset:
    """Some images of a dataset, by their indices there; what a training pipeline needs, no more.

    Args:
        data: the whole dataset.
        indices: integers in [0, data.num_images), (n,).
    """

    def __init__(self, data: GroundTruthData, indices: np.ndarray) -> None:
        self.name = data.name
        self.image_shape = data.image_shape
        self.is_stochastic = data.is_stochastic
        self.digest = data.digest  # of the whole, which is what representations are scored on
        self.num_images = len(indices)
        self._data, self._indices = data, indices

    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        """Return the images at `indices`, which count within the subset: uint8, NHWC."""
        return self._data.images(self._indices[np.asarray(indices)], random_state)


def split(data: GroundTruthData, fraction: float) -> tuple[Subset, Subset]:
    """Return images to train on and images held out; the same for every seed and every model.

    Args:
        data: the whole dataset.
        fraction: of images held out, in [0, 1).

    Raises:
        UserError: there are so few images that one of the two would have none.
    """
    order = np.random.RandomState(0).permutation(data.num_images)
    held_out = round(fraction * data.num_images)
    if held_out == data.num_images or (fraction > 0 and held_out == 0):
        raise UserError(
            f"cannot hold out {fraction:g} of the images of {data.name}",
            expected="at least one image held out, and one to train on",
            received=f"{held_out} of {data.num_images} held out",
        )
    return Subset(data, np.sort(order[held_out:])), Subset(data, np.sort(order[:held_out]))
