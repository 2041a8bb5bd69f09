"""The built-in turntable: what its pictures must be, whatever drew them."""

import hashlib

import numpy as np
import pytest

from deltavae.data import load
from deltavae.data.procedural import scene
from deltavae.data.procedural.objects import all_objects
from deltavae.data.procedural.turntable import ELEVATIONS, NUM_AZIMUTHS


@pytest.fixture(scope="module")
def turntable():
    return load("turntable")


def test_it_is_a_grid_of_four_factors(turntable):
    assert turntable.factor_names == ("azimuth", "elevation", "object", "colour")
    assert turntable.factor_sizes == [24, 4, 12, 8]
    assert turntable.num_images == 24 * 4 * 12 * 8
    assert turntable.periodic == {"azimuth": 1}
    images = turntable.images(np.arange(5))
    assert images.shape == (5, 64, 64, 3) and images.dtype == np.uint8


def test_no_object_looks_the_same_from_two_azimuths(turntable):
    for elevation in range(len(ELEVATIONS)):
        for thing in range(12):
            views = [[azimuth, elevation, thing, 0] for azimuth in range(NUM_AZIMUTHS)]
            images = turntable.images(turntable.index_of(np.array(views))).astype(float)
            gaps = np.abs(images[:, None] - images[None]).mean(axis=(2, 3, 4))
            gaps[np.diag_indices(NUM_AZIMUTHS)] = np.inf
            assert gaps.min() > 1.0, (elevation, thing)


def test_objects_alone_tell_their_azimuth():
    """Without the table's mark, front and back still differ."""
    for name, solids in all_objects().items():
        views = [
            scene.draw(solids, scene.Camera(azimuth, 10.0), marked_table=False).astype(float)
            for azimuth in (0.0, 90.0, 180.0, 270.0)
        ]
        gaps = [np.abs(views[i] - views[j]).mean() for i in range(4) for j in range(i)]
        assert min(gaps) > 1.0, name


def test_only_the_body_takes_the_colour(turntable):
    same_view = [[3, 1, 0, colour] for colour in range(8)]
    images = turntable.images(turntable.index_of(np.array(same_view)))
    changed = np.ptp(images.astype(int), axis=0).max(axis=-1) > 0
    assert 0.02 < changed.mean() < 0.4


def test_pixels_are_the_same_on_every_machine():
    """A fixed digest of three scenes: drawing uses only operations that IEEE 754 fixes."""
    digest = hashlib.sha256()
    for name, azimuth, elevation in (
        ("car", 37.0, 10.0),
        ("duck", 0.0, 46.0),
        ("tank", 211.0, 22.0),
    ):
        digest.update(scene.draw(all_objects()[name], scene.Camera(azimuth, elevation)).tobytes())
    assert digest.hexdigest()[:16] == "a711ef39b4c98d81"
