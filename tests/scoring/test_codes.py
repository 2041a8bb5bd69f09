"""Codes are made once, kept by content, and never taken from a damaged file."""

import time

import numpy as np
import pytest

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
    first = encode_once(pictures, lambda: counting, np.arange(0, 100), cache)
    np.testing.assert_allclose(first[:100], codes[:100], rtol=1e-5)
    assert counting.seen == 100 and np.isnan(first[100:]).all()
    again = encode_once(pictures, lambda: counting, np.arange(50), cache)
    assert counting.seen == 100
    np.testing.assert_array_equal(again[:50], first[:50])
    assert np.isnan(again[50:]).all()  # what is not asked for is not there, cached or not
    encode_once(pictures, lambda: counting, np.arange(90, 110), cache)
    assert counting.seen == 110


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "edit"])
def test_damaged_entries_are_made_anew(tmp_path, pictures, encoder, damage):
    cache, counting = CodeCache(tmp_path, "key"), Counting(encoder)
    first = encode_once(pictures, lambda: counting, np.arange(20), cache)
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
    if damage == "edit":  # a sound archive of other codes
        with np.load(file) as entry:
            np.savez(file, **(dict(entry) | {"codes": entry["codes"] + 1}))
    else:
        file.write_bytes({"flip": content, "cut": content[:200], "empty": b""}[damage])
    again = encode_once(pictures, lambda: counting, np.arange(20), cache)
    assert counting.seen == 40
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
    monkeypatch.setattr("deltavae.scoring.codes._BATCH_SIZE", 16)
    started = []

    def uneven(images):
        started.append(None)
        time.sleep(0.1 if len(started) % 3 == 1 else 0.0)
        return encoder(images)

    made = encode_once(pictures, lambda: uneven, np.arange(192), CodeCache(None, "key"))
    np.testing.assert_allclose(made, codes, rtol=1e-5)
