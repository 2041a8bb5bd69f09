import numpy as np
import pytest

from deltavae.data import ArrayData, Factor
from deltavae.scoring.draws import IndexedData


@pytest.fixture(scope="session")
def pictures():
    """A 3 x 8 x 4 grid of tiny noise images, the second factor periodic, and a hidden one."""
    grid = [
        Factor("size", 3),
        Factor("azimuth", 8, symmetry=1),
        Factor("light", 2, nuisance=True),
        Factor("object", 4),
    ]
    images = np.random.default_rng(0).integers(0, 256, (192, 4, 4, 1), dtype=np.uint8)
    return ArrayData("pictures", grid, images)


@pytest.fixture(scope="session")
def index(pictures):
    return IndexedData.of(pictures)


@pytest.fixture(scope="session")
def weights():
    return np.random.default_rng(1).normal(size=(16, 5))


@pytest.fixture(scope="session")
def encoder(weights):
    """Images to codes that know a little of the factors: none; they are noise."""

    def encode(images):
        floats = images / np.float32(255) if images.dtype == np.uint8 else images
        return (floats.reshape(len(images), -1) @ weights).astype(np.float32)

    return encode


@pytest.fixture(scope="session")
def codes(pictures, encoder):
    return encoder(pictures.images(np.arange(192)))


@pytest.fixture(scope="session")
def factor_codes(index):
    """The factors themselves, standardised: a perfect code."""
    values = index.factors(np.arange(192)).astype(np.float32)
    return (values - values.mean(axis=0)) / values.std(axis=0)
