"""Held-out images are never among those trained on."""

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor, load
from deltavae.data.subset import split
from deltavae.errors import UserError


def numbered(count):
    array = np.arange(count, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 1), np.uint8)
    return ArrayData("numbered", [Factor("number", count)], array)


def test_split_is_a_partition_and_the_same_each_time():
    data = numbered(50)
    kept, held_out = split(data, 0.2)
    assert (kept.num_images, held_out.num_images) == (40, 10)
    kept_numbers = kept.images(np.arange(40))[:, 0, 0, 0]
    held_numbers = held_out.images(np.arange(10))[:, 0, 0, 0]
    assert sorted([*kept_numbers, *held_numbers]) == list(range(50))
    assert np.array_equal(split(data, 0.2)[1].images(np.arange(10))[:, 0, 0, 0], held_numbers)
    assert not np.array_equal(held_numbers, np.arange(10))


@pytest.mark.parametrize(("count", "fraction"), [(3, 0.9), (10, 0.04)])
def test_too_few_images_to_hold_any_out(count, fraction):
    with pytest.raises(UserError, match=f"cannot hold out {fraction} .* at least one image"):
        split(numbered(count), fraction)


def test_azimuth_alone_is_one_object_all_around():
    alone, whole = load("turntable_azimuth"), load("turntable_marked")
    assert (alone.factor_names, alone.num_images) == (("azimuth",), 24)
    same = whole.factors(np.arange(whole.num_images))[:, 1:] == [1, 0, 0]
    expected = whole.images(np.flatnonzero(same.all(axis=1)))
    assert np.array_equal(alone.images(np.arange(24)), expected)
