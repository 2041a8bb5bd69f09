"""The built-in turntable: what its pictures must be, whatever drew them."""

import colorsys
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


def test_the_mark_on_the_table_is_where_it_is_said_to_be():
    """Rows at the bottom show the table's rim alone: its shade turns with the mark or stays."""
    for marked in (False, True):
        front, back = (
            scene.draw(all_objects()["duck"], scene.Camera(azimuth, 22.0), marked_table=marked)
            for azimuth in (0.0, 180.0)
        )
        rim = (slice(52, 58), slice(28, 36), slice(0, 3))
        gap = front[0, 0][rim].mean() - back[0, 0][rim].mean()
        assert (gap > 50.0) == marked and (abs(gap) < 5.0) != marked
    assert turntable_module.TurntableMarked.marked_table
    assert turntable_module.TurntableAzimuth.marked_table
    assert not any(
        dataset.marked_table
        for dataset in (
            turntable_module.Turntable,
            turntable_module.TurntableHard,
            turntable_module.TurntableHues,
        )
    )


def test_hues_and_azimuths_are_two_circles():
    """The nearest neighbour of each image along a factor is one step away, also over the end."""
    data = load("turntable_hues")
    assert data.periodic == {"azimuth": 1, "hue": 1}
    images = data.images(np.arange(576)).astype(float).reshape(24, 24, -1)
    for axis in (0, 1):
        line = np.moveaxis(images, axis, 0)
        # The distance to the image so many steps further on, averaged over all images.
        gaps = [np.abs(line - np.roll(line, step, 0)).mean() for step in range(1, 24)]
        assert 0.0 < gaps[0] == pytest.approx(gaps[-1])
        assert all(gaps[0] < 0.7 * gap for gap in gaps[1:-1])
        assert max(gaps) == max(gaps[5:18])


def test_only_the_body_takes_the_colour(turntable):
    same_view = [[3, 1, 0, colour] for colour in range(8)]
    images = turntable.images(turntable.index_of(np.array(same_view)))
    changed = np.ptp(images.astype(int), axis=0).max(axis=-1) > 0
    assert 0.02 < changed.mean() < 0.4


def test_pixels_are_the_same_on_every_machine():
    """Fixed digests of three scenes: drawing uses only operations that IEEE 754 fixes."""
    for marked, expected in ((True, "a711ef39b4c98d81"), (False, "9ea049f21261ebf0")):
        digest = hashlib.sha256()
        for name, azimuth, elevation in (
            ("car", 37.0, 10.0),
            ("duck", 0.0, 46.0),
            ("tank", 211.0, 22.0),
        ):
            camera = scene.Camera(azimuth, elevation)
            layers = scene.draw(all_objects()[name], camera, marked_table=marked)
            digest.update(layers.tobytes())
        assert digest.hexdigest()[:16] == expected


def test_hues_go_evenly_round_the_colour_wheel():
    """The wheel of Python's colorsys, at one saturation and value."""
    high, low = 232 / 255, 40 / 255
    wheel = [colorsys.hsv_to_rgb(i / 24, (high - low) / high, high) for i in range(24)]
    hues = np.array(list(turntable_module.HUES.values()))
    np.testing.assert_allclose(hues, 255 * np.array(wheel), atol=1e-6)
    assert list(turntable_module.HUES)[:3] == ["0°", "15°", "30°"]


def test_the_hard_one_adds_lights_and_textures():
    """Its scenes drawn here, without making the whole set."""
    patterns = tuple(turntable_module.PATTERNS.values())
    lamps = tuple(turntable_module.LAMPS.values())
    layers = scene.draw(all_objects()["truck"], scene.Camera(120.0, 28.0), lamps, patterns)
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
    painted = turntable_module.paint(layers, colours)
    np.testing.assert_array_equal(painted.reshape(8, 3), expected)
