"""The built-in turntable: what its pictures must be, whatever drew them."""

import hashlib

import numpy as np
import pytest

from deltavae.data import load
from deltavae.data.synthetic import scene
from deltavae.data.synthetic import turntable as turntable_module
from deltavae.data.synthetic.objects import all_objects


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
    for elevation in range(4):
        for thing in range(12):
            views = [[azimuth, elevation, thing, 0] for azimuth in range(24)]
            images = turntable.images(turntable.index_of(np.array(views))).astype(float)
            gaps = np.abs(images[:, None] - images[None]).mean(axis=(2, 3, 4))
            gaps[np.diag_indices(24)] = np.inf
            assert gaps.min() > 1.0, (elevation, thing)


def test_objects_alone_tell_their_azimuth():
    """Without the table's mark, front and back still differ."""
    for name, solids in all_objects().items():
        views = [
            scene.draw(solids, scene.Camera(azimuth, 10.0), marked_table=False)[0, 0].astype(float)
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


def test_the_hard_one_adds_lights_and_textures():
    """Its scenes drawn here, without making the whole set."""
    patterns = tuple(turntable_module._PATTERNS.values())
    lamps = tuple(turntable_module._LAMPS.values())
    layers = scene.draw(all_objects()["truck"], scene.Camera(120.0, 28.0), lamps, patterns, False)
    assert layers.shape == (3, 3, 64, 64, 4)
    flat = layers.reshape(9, -1).astype(float)
    gaps = np.abs(flat[:, None] - flat[None]).mean(-1) + np.diag(np.full(9, np.inf))
    assert gaps.min() > 1.0
    # A pattern takes the colour from about half of the body, and no light away.
    tinted = (layers[0, :, ..., 3] > 0).mean(axis=(1, 2))
    assert 0.3 * tinted[0] < tinted[1] < 0.8 * tinted[0]
    assert 0.3 * tinted[0] < tinted[2] < 0.8 * tinted[0]


def test_painting_mixes_layers_as_stated():
    layers = np.array([[[[10, 20, 30, 128]]]], np.uint8)
    colours = list(turntable_module.COLOURS.values())
    expected = [
        [p + 128 * c // 256 for p, c in zip((10, 20, 30), rgb, strict=True)] for rgb in colours
    ]
    painted = turntable_module._painted(layers)
    np.testing.assert_array_equal(painted.reshape(8, 3), expected)
