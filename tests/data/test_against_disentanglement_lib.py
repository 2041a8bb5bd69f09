"""The same seed gives the same factors and images as disentanglement_lib's own loaders.

Its two Pillow calls that no longer exist are patched, here only; where it hard-codes the sizes
of the public files, they are set to those of the small files after its constructor has read
the images. smallNORB's constructor checks its hard-coded grid, so its loading functions are
called instead.
"""

import os
import sys
import types

import numpy as np
import PIL.Image
import pytest

from deltavae.data import load
from tests.data import public_files


@pytest.fixture
def library(public_root, monkeypatch):
    """disentanglement_lib's modules, reading from the small files."""
    if "gin.tf" not in sys.modules:
        import gin

        stand_in = types.ModuleType("gin.tf")
        stand_in.configurable = gin.configurable
        monkeypatch.setitem(sys.modules, "gin.tf", stand_in)
    from disentanglement_lib.data.ground_truth import cars3d, dsprites, mpi3d, norb, shapes3d

    root = str(public_root)
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", root)
    monkeypatch.setattr(dsprites, "DSPRITES_PATH", _path(root, dsprites.DSPRITES_PATH, 2))
    monkeypatch.setattr(dsprites, "SCREAM_PATH", _path(root, dsprites.SCREAM_PATH, 2))
    monkeypatch.setattr(cars3d, "CARS3D_PATH", os.path.join(root, "cars"))
    monkeypatch.setattr(shapes3d, "SHAPES3D_PATH", _path(root, shapes3d.SHAPES3D_PATH, 2))
    monkeypatch.setattr(norb, "SMALLNORB_TEMPLATE", _path(root, norb.SMALLNORB_TEMPLATE, 2))
    monkeypatch.setattr(PIL.Image, "ANTIALIAS", PIL.Image.LANCZOS, raising=False)
    # numpy no longer makes one number of an array of length one.
    monkeypatch.setattr(norb, "int", lambda array: array.item(), raising=False)
    thumbnail = PIL.Image.Image.thumbnail
    monkeypatch.setattr(
        PIL.Image.Image,
        "thumbnail",
        lambda self, size, *rest: thumbnail(self, size[:2], *rest),
    )
    listing = cars3d.gfile.ListDirectory
    monkeypatch.setattr(cars3d.gfile, "ListDirectory", lambda path: sorted(listing(path)))
    return types.SimpleNamespace(
        cars3d=cars3d, dsprites=dsprites, mpi3d=mpi3d, norb=norb, shapes3d=shapes3d
    )


def _path(root, path, parts):
    return os.path.join(root, *path.split(os.sep)[-parts:])


def _resize(oracle, sizes):
    """Sets the grid of an oracle whose class hard-codes the full one."""
    from disentanglement_lib.data.ground_truth import util

    oracle.factor_sizes = list(sizes)
    oracle.factor_bases = np.prod(sizes) / np.cumprod(sizes)
    oracle.state_space = util.SplitDiscreteStateSpace(list(sizes), oracle.latent_factor_indices)
    return oracle


def _cars(library):
    from disentanglement_lib.data.ground_truth import util

    full = library.cars3d.Cars3D()
    sizes = [4, 24, 3]
    grid = np.stack(np.unravel_index(np.arange(4 * 24 * 3), sizes), -1)
    rows = full.index.features_to_index(grid)
    full.images = full.images[rows]
    full.index = util.StateSpaceAtomIndex(sizes, grid)
    return _resize(full, sizes)


def _norb(library):
    from disentanglement_lib.data.ground_truth import util

    norb = library.norb
    oracle = norb.SmallNORB.__new__(norb.SmallNORB)
    oracle.images, features = norb._load_small_norb_chunks(
        norb.SMALLNORB_TEMPLATE, norb.SMALLNORB_CHUNKS
    )
    oracle.images = np.clip(oracle.images, 0.0, 1.0)
    oracle.latent_factor_indices = [0, 2, 3, 4]
    oracle.index = util.StateSpaceAtomIndex(list(public_files.NORB_SIZES), features)
    return _resize(oracle, public_files.NORB_SIZES)


ORACLES = {
    "dsprites_full": lambda lib: lib.dsprites.DSprites([1, 2, 3, 4, 5]),
    "dsprites_noshape": lambda lib: lib.dsprites.DSprites([2, 3, 4, 5]),
    "color_dsprites": lambda lib: lib.dsprites.ColorDSprites([1, 2, 3, 4, 5]),
    "noisy_dsprites": lambda lib: lib.dsprites.NoisyDSprites([1, 2, 3, 4, 5]),
    "scream_dsprites": lambda lib: lib.dsprites.ScreamDSprites([1, 2, 3, 4, 5]),
    "cars3d": _cars,
    "smallnorb": _norb,
    "shapes3d": lambda lib: _resize(lib.shapes3d.Shapes3D(), public_files.SHAPES3D_SIZES),
    "mpi3d_toy": lambda lib: _resize(lib.mpi3d.MPI3D("mpi3d_toy"), public_files.MPI3D_SIZES),
    "mpi3d_realistic": lambda lib: _resize(
        lib.mpi3d.MPI3D("mpi3d_realistic"), public_files.MPI3D_SIZES
    ),
    "mpi3d_real": lambda lib: _resize(lib.mpi3d.MPI3D("mpi3d_real"), public_files.MPI3D_SIZES),
}


@pytest.mark.parametrize("name", ORACLES)
def test_same_seed_same_factors_and_images(name, library, public_root, small_sizes):
    oracle, ours = ORACLES[name](library), load(name, public_root)
    assert ours.num_factors == oracle.num_factors
    assert ours.observation_shape == list(oracle.observation_shape)
    theirs_state, our_state = np.random.RandomState(5), np.random.RandomState(5)
    for _ in range(3):
        factors, images = oracle.sample(20, theirs_state)
        our_factors, our_images = ours.sample(20, our_state)
        np.testing.assert_array_equal(our_factors, factors)
        assert our_images.dtype == np.float32 and our_images.shape == images.shape
        np.testing.assert_allclose(our_images, images, rtol=0, atol=1e-7)
        factors[:, 1:] = 0
        np.testing.assert_allclose(
            ours.sample_observations_from_factors(factors, our_state),
            oracle.sample_observations_from_factors(factors, theirs_state),
            rtol=0,
            atol=1e-7,
        )
    assert theirs_state.randint(2**30) == our_state.randint(2**30)
