"""The built-in sprites: geometry stated here, not taken from the code."""

import numpy as np
import pytest

from deltavae.data import load


@pytest.fixture(scope="module")
def sprites():
    return load("sprites")


def _image(sprites, *factors):
    return sprites.images(sprites.index_of(np.array([factors])))[0, ..., 0]


def test_the_grid_is_that_of_dsprites(sprites):
    assert sprites.factor_sizes == [3, 6, 40, 32, 32]
    assert sprites.num_images == 737280
    images = sprites.images(np.arange(0, 737280, 9973))
    assert images.dtype == np.uint8 and set(np.unique(images)) == {0, 255}


def test_a_step_of_position_is_a_pixel(sprites):
    image = _image(sprites, 2, 5, 7, 3, 4)
    moved = _image(sprites, 2, 5, 7, 3 + 20, 4 + 9)
    np.testing.assert_array_equal(moved[9:, 20:], image[:-9, :-20])


def test_nothing_is_cut_off(sprites):
    for shape in range(3):
        for turn in range(40):
            whole = (_image(sprites, shape, 5, turn, 16, 16) > 0).sum()
            for corner in ((0, 0), (0, 31), (31, 0), (31, 31)):
                assert (_image(sprites, shape, 5, turn, *corner) > 0).sum() == whole


def test_symmetries(sprites):
    """Square: a quarter turn; ellipse: half a turn; heart: none but the full one."""
    for shape, period in ((0, 10), (1, 20)):
        np.testing.assert_array_equal(
            _image(sprites, shape, 5, 3, 10, 10), _image(sprites, shape, 5, 3 + period, 10, 10)
        )
    hearts = [_image(sprites, 2, 5, turn, 10, 10).tobytes() for turn in range(40)]
    assert len(set(hearts)) == 40


def test_area_grows_with_the_square_of_scale(sprites):
    areas = [(_image(sprites, 0, scale, 0, 9, 9) > 0).sum() for scale in range(6)]
    np.testing.assert_allclose(areas[5] / areas[0], 4.0, rtol=0.15)
    assert np.all(np.diff(areas) > 0)
