"""A function applied batch by batch is the function applied to everything."""

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor
from deltavae.data.batches import BATCH_SIZE, map_batches


@pytest.mark.parametrize("threads", [0, 3])
@pytest.mark.parametrize("num", [1, BATCH_SIZE, 2 * BATCH_SIZE + 1])
def test_rows_keep_their_order_and_no_batch_is_too_large(num, threads):
    rows = np.arange(3 * num).reshape(num, 3)
    sizes, told = [], []

    def function(batch):
        sizes.append(len(batch))
        return batch.sum(axis=1, keepdims=True)

    result = map_batches(
        function, rows, threads=threads, progress=lambda done, total: told.append((done, total))
    )
    np.testing.assert_array_equal(result, rows.sum(axis=1, keepdims=True))
    assert max(sizes) <= BATCH_SIZE and sum(sizes) == num
    assert told[-1] == (num, num) and told == sorted(told)


def test_images_of_a_data_set_at_any_indices():
    images = np.random.default_rng(0).integers(0, 256, (600, 2, 2, 1), dtype=np.uint8)
    data = ArrayData("noise", [Factor("number", 600)], images)
    chosen = np.random.RandomState(0).randint(600, size=700)
    result = map_batches(lambda batch: batch.reshape(len(batch), -1), data, chosen)
    np.testing.assert_array_equal(result, images[chosen].reshape(700, 4))


def test_no_rows_keep_the_shape_of_the_result():
    assert map_batches(lambda batch: batch[:, :2], np.zeros((0, 5))).shape == (0, 2)


def test_an_error_in_a_thread_is_the_error():
    def fails(batch):
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        map_batches(fails, np.zeros((1000, 1)), threads=2)
