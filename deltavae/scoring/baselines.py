"""Codes that a representation's scores stand beside: a PCA of the pixels, and chance."""

from __future__ import annotations

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data.batches import map_batches

PCA_OF_PIXELS, CHANCE = "pca_of_pixels", "chance"
BASELINES = {PCA_OF_PIXELS: "PCA of pixels", CHANCE: "chance"}
"""The baselines in scores.json, and how tables call them."""

_NUM_FITTED = 2000


def chance_codes(codes: np.ndarray, num_images: int, seed: int) -> np.ndarray:
    """Codes assigned to random images, drawn with replacement.

    They keep their joint distribution and lose every dependence on the images, so that what
    they score is the chance level of these codes.

    Args:
        codes: (n, k), of any images.
        num_images: number of images that get one.
        seed: of the draw.

    Returns:
        (num_images, k).
    """
    return codes[np.random.RandomState(seed).randint(len(codes), size=num_images)]


def pca_codes(data: GroundTruthData, needed: np.ndarray, num_codes: int, seed: int) -> np.ndarray:
    """Principal components of the pixels, in order of their variance.

    Fitted to 2,000 random images of the dataset, as a model is trained on all of them, without
    labels. Pixels are in [0, 1].

    Args:
        data: the images.
        needed: ascending numbers of the images that are scored.
        num_codes: number of components; at most as many as there are images or pixels.
        seed: of the choice of images and of the randomized solver.

    Returns:
        float32 (num_images, k), NaN in the other rows.
    """

    def flat(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / np.float32(255)

    from sklearn.decomposition import PCA

    chosen = np.random.RandomState(seed).permutation(data.num_images)[:_NUM_FITTED]
    pixels = flat(data.images(np.sort(chosen)))
    size = min(num_codes, *pixels.shape)
    pca = PCA(size, svd_solver="randomized", random_state=seed).fit(pixels)
    codes = np.full((data.num_images, size), np.nan, np.float32)
    codes[needed] = map_batches(lambda images: pca.transform(flat(images)), data, needed)
    return codes
