"""Part of an image set, for training: the rest is held out."""

import numpy as np

from deltavae.data.dataset import GroundTruthData


class Subset:
    """Some images of a set, by their indices there; what a training pipeline needs, no more.

    Args:
        data: the whole set.
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
        """The images at `indices`, which count within the subset: uint8, NHWC."""
        return self._data.images(self._indices[np.asarray(indices)], random_state)


def split(data: GroundTruthData, fraction: float) -> tuple[Subset, Subset]:
    """Images to train on and images held out; the same for every seed and every model.

    Args:
        data: the whole set.
        fraction: of images held out, in [0, 1).
    """
    order = np.random.RandomState(0).permutation(data.num_images)
    held_out = round(fraction * data.num_images)
    return Subset(data, np.sort(order[held_out:])), Subset(data, np.sort(order[:held_out]))
