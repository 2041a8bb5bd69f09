"""Indices and factors of every dataset are each other's inverse; values map as stated."""

import numpy as np
import pytest

from deltavae.data import ArrayData, Factor, load, names
from deltavae.data.pipeline import batches
from deltavae.errors import UserError


@pytest.mark.parametrize("name", sorted(set(names()) - {"turntable_hard", "turntable_marked"}))
def test_indices_factors_and_batches_of_every_dataset(name, public_root, small_sizes):
    data = load(name, public_root)
    rng = np.random.default_rng(0)
    indices = rng.integers(data.num_images, size=50)
    factors = data.factors(indices)
    assert factors.shape == (50, data.num_factors)
    assert np.all(factors >= 0) and np.all(factors < data.factor_sizes)
    np.testing.assert_array_equal(data.factors(data.index_of(factors)), factors)
    drawn = data.indices_from_factors(factors, np.random.RandomState(0))
    np.testing.assert_array_equal(data.factors(drawn), factors)
    for angle in (data.angles(factor) for factor in data.periodic):
        assert angle[0] == 0.0 and np.all(np.diff(angle) > 0) and angle[-1] <= 2 * np.pi + 1e-9
    batch = next(iter(batches(data, 8, seed=0, epoch=0, steps=1)))
    assert batch.shape == (8, *data.image_shape) and batch.dtype == np.uint8
    again = next(iter(batches(data, 8, seed=0, epoch=0, steps=1)))
    np.testing.assert_array_equal(batch, again)
    assert data.is_stochastic == (name in ("color_dsprites", "noisy_dsprites", "scream_dsprites"))


def _set(array, **factor):
    return ArrayData("tiny", [Factor("a", 2), Factor("b", 128, **factor)], array)


VALUES = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None, None, None], (256, 2, 2, 1))


def test_observations_are_the_bytes_over_255():
    data = _set(VALUES)
    observed = data.observations(np.arange(256), np.random.RandomState(0))[:, 0, 0, 0]
    assert observed.dtype == np.float32
    np.testing.assert_array_equal(observed, (np.arange(256) / 255.0).astype(np.float32))


def test_last_factor_is_fastest_and_nuisance_factors_are_drawn():
    data = _set(VALUES, nuisance=True)
    assert data.factor_sizes == [2] and data.num_images == 256
    np.testing.assert_array_equal(data.index_of(np.array([[0], [1]])), [0, 128])
    drawn = data.indices_from_factors(np.ones((500, 1), int), np.random.RandomState(0))
    assert drawn.min() >= 128 and len(set(drawn)) > 100


def test_mistakes():
    with pytest.raises(UserError, match="outside the grid"):
        _set(VALUES).index_of(np.array([[2, 0]]))
    with pytest.raises(UserError, match="don't fit"):
        _set(VALUES[:100])
    with pytest.raises(UserError, match="no periodic factor"):
        _set(VALUES).angles("a")
    with pytest.raises(UserError, match=r"turntable.*nonsense"):
        load("nonsense")


def test_the_digest_follows_content_and_not_the_name():
    """Every change of what is trained on or scored changes it; a name and labels don't."""
    grid = [Factor("a", 2), Factor("b", 128, symmetry=1)]
    digest = ArrayData("one", grid, VALUES).digest
    assert digest == ArrayData("two", [Factor("a", 2, labels=("x", "y")), grid[1]], VALUES).digest
    changed = VALUES.copy()
    changed[77, 1, 1] ^= 1
    others = [
        ArrayData("one", grid, changed),
        ArrayData("one", grid, VALUES[::-1]),
        ArrayData("one", grid, VALUES, np.arange(256)[::-1]),
        ArrayData("one", [Factor("c", 2), grid[1]], VALUES),
        ArrayData("one", grid[::-1], VALUES),
        ArrayData("one", [grid[0], Factor("b", 128)], VALUES),
        ArrayData("one", [grid[0], Factor("b", 128, symmetry=2)], VALUES),
        ArrayData(
            "one",
            [grid[0], Factor("b", 128, symmetry=1, angles=tuple(np.arange(128) / 127.0))],
            VALUES,
        ),
        ArrayData("one", [Factor("a", 2, nuisance=True), grid[1]], VALUES),
        ArrayData("one", [Factor("a", 4), Factor("b", 64, symmetry=1)], VALUES),
        ArrayData("one", grid, VALUES.reshape(256, 4, 1, 1)),
    ]
    assert len({digest, *(data.digest for data in others)}) == 1 + len(others)


def test_every_dataset_has_its_own_digest_and_keeps_it(public_root, small_sizes):
    chosen = sorted(set(names()) - {"turntable_hard", "turntable"})
    digests = {name: load(name, public_root).digest for name in chosen}
    digests_again = {name: load(name, public_root).digest for name in chosen}
    assert digests == digests_again
    # The three files of MPI3D that the tests write are the same.
    different = [digests[name] for name in chosen if not name.startswith("mpi3d")]
    assert len(set(different)) == len(different)
