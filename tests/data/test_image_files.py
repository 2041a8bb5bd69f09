"""Files of every mode: the pixels that a viewer shows, or a refusal by name."""

import re

import numpy as np
import pytest
from PIL import Image

from deltavae.data import load
from deltavae.data.image_files import count_channels, read_image
from deltavae.errors import UserError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (64, 64), dtype=np.uint8)
RGB = RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)
HOLE = RNG.integers(0, 2, (64, 64), dtype=np.uint8) * np.uint8(255)


def _read(tmp_path, image, name="a.png", **options):
    image.save(tmp_path / name, **options)
    pixels = read_image(tmp_path / name)
    assert pixels.dtype == np.uint8 and pixels.shape[-1] == count_channels(tmp_path / name)
    return pixels.squeeze()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp", "a.pgm"])
def test_eight_bits_are_themselves(tmp_path, name):
    np.testing.assert_array_equal(_read(tmp_path, Image.fromarray(GREY), name), GREY)
    if name != "a.pgm":
        np.testing.assert_array_equal(_read(tmp_path, Image.fromarray(RGB), name), RGB)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_are_scaled_by_65535(tmp_path, name):
    wide = np.uint16(257) * GREY  # 257 * 255 = 65535
    np.testing.assert_array_equal(_read(tmp_path, Image.fromarray(wide), name), GREY)
    large = Image.fromarray(np.kron(wide, np.ones((2, 2), np.uint16)))
    small = _read(tmp_path, large, name).astype(float)
    expected = Image.fromarray(np.kron(GREY, np.ones((2, 2), np.uint8)))
    expected = np.asarray(expected.resize((64, 64), Image.Resampling.LANCZOS), float)
    assert np.abs(small - expected).max() <= 1.0


def test_big_endian_sixteen_bits(tmp_path):
    image = Image.fromarray((np.uint16(257) * GREY).astype(">u2"))
    assert image.mode == "I;16B"
    np.testing.assert_array_equal(_read(tmp_path, image, "a.tif"), GREY)


# What each orientation of EXIF 2.3 (tag 0x0112) asks of a viewer.
SHOWN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.T,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].T,
    8: lambda a: np.rot90(a),
}


@pytest.mark.parametrize("orientation", SHOWN)
def test_the_exif_orientation_is_applied(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = _read(tmp_path, Image.fromarray(GREY), exif=exif)
    np.testing.assert_array_equal(found, SHOWN[orientation](GREY))


def test_one_bit_palettes_and_transparency(tmp_path):
    np.testing.assert_array_equal(_read(tmp_path, Image.fromarray(HOLE > 0)), HOLE)
    palette = Image.fromarray(GREY % 4, mode="P")
    colours = np.array([[0, 0, 0], [255, 0, 0], [9, 8, 7], [255, 255, 255]], np.uint8)
    palette.putpalette(colours.ravel().tolist())
    np.testing.assert_array_equal(_read(tmp_path, palette), colours[GREY % 4])
    # Transparent pixels are black whatever colour is stored beneath them.
    expected = np.where((GREY % 4 == 1)[..., None], 0, colours[GREY % 4])
    np.testing.assert_array_equal(_read(tmp_path, palette, transparency=1), expected)
    rgba = np.dstack([RGB, HOLE])
    expected = np.where(HOLE[..., None] > 0, RGB, 0)
    np.testing.assert_array_equal(_read(tmp_path, Image.fromarray(rgba)), expected)
    grey_alpha = Image.fromarray(np.dstack([GREY, HOLE]), mode="LA")
    np.testing.assert_array_equal(_read(tmp_path, grey_alpha), np.where(HOLE > 0, GREY, 0))
    half = Image.fromarray(np.dstack([RGB, np.full_like(GREY, 128)]))
    assert np.abs(_read(tmp_path, half).astype(float) - RGB * (128 / 255)).max() <= 1.0


def test_cmyk(tmp_path):
    """Without black, ink is what is missing of each colour."""
    cmyk = Image.fromarray(np.dstack([255 - RGB, np.zeros_like(GREY)]), mode="CMYK")
    np.testing.assert_array_equal(_read(tmp_path, cmyk, "a.tif"), RGB)


def _frames(path):
    Image.fromarray(GREY).save(path, save_all=True, append_images=[Image.fromarray(255 - GREY)])


@pytest.mark.parametrize(
    ("name", "save", "says"),
    [
        ("a.tif", Image.fromarray(GREY / np.float32(255)).save, "no known range.*mode F"),
        ("a.tif", Image.fromarray(GREY.astype(np.int32)).save, "no known range.*mode I"),
        ("a.tif", Image.new("LAB", (64, 64)).save, "no known range.*mode LAB"),
        ("a.gif", _frames, "several frames.*received 2"),
        ("a.tif", _frames, "several frames.*received 2"),
        ("a.png", Image.new("L", (64, 63)).save, "isn't square.*64 x 63"),
        ("a.png", lambda path: path.write_bytes(b"<html>"), "cannot read"),
        ("a.png", lambda path: path.write_bytes(b""), "cannot read"),
    ],
)
def test_refused_by_name(tmp_path, name, save, says):
    save(tmp_path / name)
    with pytest.raises(UserError, match=f"{name}.*{says}|{says}.*{name}|{says}") as caught:
        read_image(tmp_path / name)
    assert name in str(caught.value) and "again" not in str(caught.value)


def test_a_truncated_file(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg")
    content = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cannot read .*a\.jpg"):
        read_image(tmp_path / "a.jpg")


def _folder(root, images):
    for i, image in enumerate(images):
        image.save(root / f"{i}.png")
    rows = "".join(f"{i}.png,{i}\n" for i in range(len(images)))
    (root / "factors.csv").write_text("file,view\n" + rows)
    return load(str(root))


@pytest.mark.parametrize(
    ("values", "dtype", "says"),
    [
        ([0], np.uint8, ["all black"]),
        ([255], np.uint8, ["all white"]),
        ([7], np.uint8, ["all of one value, 7 of 255"]),
        ([0, 255], np.uint8, ["only two values, 0 and 255"]),
        ([0, 1], np.uint8, ["only two values, 0 and 1", "nearly black.* 0 to 1"]),
        ([0, 2000, 4095], np.uint16, ["nearly black.* 0 to 16"]),  # 12 bits in a file of 16
        ([65535, 60000, 62000], np.uint16, ["nearly white.* 233 to 255"]),
        ([0, 100, 200], np.uint8, []),
    ],
)
def test_the_range_of_the_whole_dataset_is_said(tmp_path, values, dtype, says):
    pattern = np.resize(np.array(values, dtype), (64, 64))
    images = [Image.fromarray(np.roll(pattern, i, 1)) for i in range(3)]
    for _ in range(2):  # decoded, then from the cache
        data = _folder(tmp_path, images)
        assert len(data.warnings) == len(says)
        for warning, words in zip(data.warnings, says, strict=True):
            assert re.search(words, warning)


def test_one_image_in_colour_makes_all_of_three_channels(tmp_path):
    data = _folder(tmp_path, [Image.fromarray(GREY), Image.fromarray(RGB)])
    grey, colour = data.images(np.arange(2))
    np.testing.assert_array_equal(grey, np.dstack([GREY] * 3))
    np.testing.assert_array_equal(colour, RGB)
