"""Datasets whose files have peculiarities of their own, written as published."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from deltavae.data import load
from deltavae.data.public.mpi3d import MPI3DReal, MPI3DToy
from deltavae.errors import UserError
from tests.data import public_files


@pytest.fixture(autouse=True)
def cache_folder(small_sizes, tmp_path, monkeypatch):
    monkeypatch.setenv("DELTAVAE_CACHE", str(tmp_path / "cache"))


def test_files_that_macos_leaves_beside_others_are_no_cars(tmp_path):
    public_files.write_cars(tmp_path / "data")
    plain = load("cars3d", tmp_path / "data")
    # As macOS writes them on foreign disks: the header of an AppleDouble file.
    for car in list((tmp_path / "data/cars").iterdir()):
        beside = car.with_name(f"._{car.name}")
        beside.write_bytes(b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ")
    (tmp_path / "data/cars/.DS_Store").write_bytes(b"\x00\x00\x00\x01Bud1")
    data = load("cars3d", tmp_path / "data")
    assert data.factor_sizes == [4, 24, 3] and data.digest == plain.digest


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("isaac3d", public_files.ISAAC3D_SIZES), ("falcor3d", public_files.FALCOR3D_SIZES)],
)
def test_rendered_rooms_are_in_the_order_of_their_labels(name, sizes, public_root, tmp_path):
    data = load(name, public_root)
    assert data.factor_sizes == list(sizes)
    images = data.images(np.arange(data.num_images))
    # The bars of 16 columns have become bars of 8; each image shows its number in them.
    bits = images[:, 20, 4::8, 1] > 112
    assert np.array_equal(bits @ 2 ** np.arange(8), np.arange(data.num_images))
    assert set(np.unique(images[..., 1])) == {0, 224} and np.all(images[..., 0] == 16)


def test_rendered_rooms_in_another_order(tmp_path):
    """The order of the factors' values is taken from the labels, not from file names."""
    folder = tmp_path / "Isaac3D_down128"
    public_files.write_rendered(folder, "labels.npy", public_files.ISAAC3D_SIZES)
    labels = np.load(folder / "labels.npy")
    np.save(folder / "labels.npy", labels[::-1])
    data = load("isaac3d", tmp_path)
    first = data.images([0])[0, 20, 4::8, 1] > 112
    assert first @ 2 ** np.arange(8) == data.num_images - 1


def test_damaged_rendered_rooms(tmp_path):
    folder = tmp_path / "Isaac3D_down128"
    public_files.write_rendered(folder, "labels.npy", public_files.ISAAC3D_SIZES)
    labels = np.load(folder / "labels.npy")
    np.save(folder / "labels.npy", labels[:-1])
    with pytest.raises(UserError, match=r"labels\.npy"):
        load("isaac3d", tmp_path)
    np.save(folder / "labels.npy", labels)
    Image.new("RGB", (64, 64)).save(folder / "images/000005.png")
    with pytest.raises(UserError, match=r"000005\.png.*128"):
        load("isaac3d", tmp_path)
    (folder / "images/000005.png").unlink()
    with pytest.raises(UserError, match=r"000005\.png"):
        load("isaac3d", tmp_path)


def test_a_first_release_of_mpi3d_is_known_by_its_number_of_images(tmp_path, monkeypatch):
    """The drawn images came first with four colours and shapes; the photographs never did."""
    first, real = MPI3DToy.other_grids[0], MPI3DReal
    assert [factor.size for factor in first] == [4, 4, 2, 3, 3, 40, 40]
    fewer = tuple(replace(f, size=1, labels=()) if "axis" in f.name else f for f in first)
    monkeypatch.setattr(MPI3DToy, "other_grids", (fewer,))
    images = np.zeros((4 * 4 * 2 * 3 * 3, 64, 64, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(images)) % 256
    for name in ("mpi3d_toy", "mpi3d_real"):
        (tmp_path / name).mkdir()
        np.savez_compressed(tmp_path / name / f"{name}.npz", images=images)
    data = load("mpi3d_toy", tmp_path)
    assert data.value_labels["object_colour"] == ("green", "red", "blue", "brown")
    # The publisher's strides, without the axes: colour 72, shape 18, size 9, height 3.
    index = data.index_of(np.array([[1, 2, 1, 0, 2, 0, 0]]))
    assert index == 72 + 2 * 18 + 9 + 2
    with pytest.raises(UserError, match=f"received {len(images)}"):
        load(real.name, tmp_path)


def test_mpi3d_of_everyday_objects(public_root):
    data = load("mpi3d_real_complex", public_root)
    assert data.factor_sizes == list(public_files.MPI3D_SIZES)
    with np.load(
        public_root / "mpi3d_real_complex/real3d_complicated_shapes_ordered.npz"
    ) as published:
        assert np.array_equal(data.images(np.arange(data.num_images)), published["images"])
