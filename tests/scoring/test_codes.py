"""Codes are made once, kept by content, and never taken from a damaged file."""

import time

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor
from deltavae.errors import UserError
from deltavae.scoring.codes import CodeCache, digest_files, encode_once


class Counting:
    def __init__(self, encoder):
        self.encoder, self.seen = encoder, 0

    def __call__(self, images):
        self.seen += len(images)
        return self.encoder(images)


def test_each_image_once_then_from_disk_then_only_what_is_new(tmp_path, pictures, encoder, codes):
    cache, counting = CodeCache(tmp_path, "key"), Counting(encoder)
    first = encode_once(pictures, lambda: counting, np.arange(0, 96), cache)
    np.testing.assert_allclose(first[:96], codes[:96], rtol=1e-5)
    assert counting.seen == 96 and np.isnan(first[96:]).all()
    again = encode_once(pictures, lambda: counting, np.arange(50), cache)
    assert counting.seen == 96
    np.testing.assert_array_equal(again[:50], first[:50])
    assert np.isnan(again[50:]).all()  # what is not asked for is not there, cached or not
    encode_once(pictures, lambda: counting, np.arange(80, 128), cache)
    assert counting.seen == 128


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "edit"])
def test_damaged_entries_are_made_anew(tmp_path, pictures, encoder, damage):
    cache, counting = CodeCache(tmp_path, "key"), Counting(encoder)
    first = encode_once(pictures, lambda: counting, np.arange(32), cache)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
    if damage == "edit":  # a sound archive of other codes
        with np.load(file) as entry:
            np.savez(file, **(dict(entry) | {"codes": entry["codes"] + 1}))
    else:
        file.write_bytes({"flip": content, "cut": content[:200], "empty": b""}[damage])
    again = encode_once(pictures, lambda: counting, np.arange(32), cache)
    assert counting.seen == 64
    np.testing.assert_array_equal(first, again)


def test_codes_that_cannot_be_scored(pictures):
    nothing = CodeCache(None, "key")
    for encoder, words in [
        (lambda images: np.full((len(images), 2), np.nan), "not finite"),
        (lambda images: np.zeros((1, 2)), "one code per image"),
        (lambda images: np.zeros(len(images)), "one code per image"),
    ]:
        with pytest.raises(UserError, match=words):
            encode_once(pictures, lambda encoder=encoder: encoder, np.arange(9), nothing)


def test_digests_follow_content(tmp_path, pictures):
    (tmp_path / "a").write_text("1")
    one = digest_files([tmp_path])
    (tmp_path / "a").write_text("2")
    assert digest_files([tmp_path]) != one


def test_codes_keep_their_order_whichever_batch_ends_first(pictures, encoder, codes, monkeypatch):
    monkeypatch.setattr("deltavae.scoring.codes.num_cores", lambda: 3)
    started = []

    def uneven(images):
        started.append(None)
        time.sleep(0.1 if len(started) % 3 == 1 else 0.0)
        return encoder(images)

    made = encode_once(pictures, lambda: uneven, np.arange(192), CodeCache(None, "key"))
    np.testing.assert_allclose(made, codes, rtol=1e-5)


def test_codes_of_an_image_are_the_same_bits_whatever_else_is_encoded(monkeypatch):
    import tensorflow as tf

    from deltavae.export.representation import function_of_images

    images = np.random.default_rng(0).integers(0, 256, (203, 32, 32, 1), np.uint8)
    data = ArrayData("noise", [Factor("number", 203)], images)
    tf.keras.utils.set_random_seed(0)
    layers = [tf.keras.layers.Conv2D(32, 4, 2, "same", activation="relu") for _ in range(2)]
    dense = [
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(64, "relu"),
        tf.keras.layers.Dense(9),
    ]
    encoder = function_of_images(
        tf.keras.Sequential([tf.keras.Input((32, 32, 1)), *layers, *dense]), (32, 32, 1)
    )

    def coded(needed, cores):
        monkeypatch.setattr("deltavae.scoring.codes.num_cores", lambda: cores)
        return encode_once(data, lambda: encoder, needed, CodeCache(None, ""))[needed]

    every = coded(np.arange(203), 1)
    assert np.ptp(every, axis=0).min() > 1e-3
    np.testing.assert_array_equal(coded(np.arange(203), 3), every)
    for needed in (np.array([7]), np.arange(150, 153), np.arange(1, 203, 4)):
        np.testing.assert_array_equal(coded(needed, 2), every[needed])
