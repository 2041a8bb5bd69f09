"""Damaged and foreign files end in one clear line, or in a correct load; nothing else."""

import ast
import pathlib
import shutil
import zlib

import numpy as np
import pytest

from deltavae.data import load, readers
from deltavae.errors import UserError
from tests.data import public_files

NORB = "small_norb/smallnorb-5x46789x9x18x6x2x96x96-training"
DSPRITES = "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz"
# Two files that damage is tried on, or one.
FILES = {
    "dsprites_full": [DSPRITES],
    "scream_dsprites": ["scream/scream.jpg"],
    "cars3d": ["cars/car_000_mesh.mat"],
    "smallnorb": [f"{NORB}-dat.mat", f"{NORB}-info.mat"],
    "shapes3d": ["3dshapes/3dshapes.h5"],
    "mpi3d_toy": ["mpi3d_toy/mpi3d_toy.npz"],
}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch, small_sizes):
    monkeypatch.setenv("DELTAVAE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def copy(public_root, tmp_path):
    """A copy of the folder of one set, to be damaged."""

    def make(name):
        root = tmp_path / "data"
        for file in FILES[name]:
            folder = file.split("/")[0]
            shutil.copytree(public_root / folder, root / folder, dirs_exist_ok=True)
        if name == "scream_dsprites":
            shutil.copytree(public_root / "dsprites", root / "dsprites")
        return root

    return make


@pytest.mark.parametrize("name", FILES)
def test_missing_files_are_named_with_the_way_to_get_them(name, tmp_path):
    with pytest.raises(UserError, match=rf"{tmp_path}.*download {name}"):
        load(name, tmp_path)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["empty", "half", "text"])
def test_truncated_and_foreign_files(name, damage, copy, cache_folder):
    root = copy(name)
    path = root / FILES[name][0]
    content = path.read_bytes()
    kept = {"empty": b"", "half": content[: len(content) // 2], "text": b"<html>404</html>" * 9}
    path.write_bytes(kept[damage])
    with pytest.raises(UserError, match=path.name) as caught:
        load(name, root)
    assert "\n" not in str(caught.value)
    if name != "scream_dsprites":
        assert not cache_folder.exists() or list(cache_folder.iterdir()) == []


@pytest.mark.parametrize("name", ["cars3d", "smallnorb", "mpi3d_toy", "shapes3d", "dsprites_full"])
def test_random_damage(name, copy, cache_folder):
    """Bytes overwritten at random: a clean error, or the same images as before.

    A format with checksums must notice every change of its images; without one a changed
    pixel can't be told from an intended one, so there only the count and type are asked for.
    """
    root = copy(name)
    good = load(name, root)
    expected = zlib.crc32(good.images(np.arange(good.num_images)).tobytes())
    checked = name in ("mpi3d_toy", "dsprites_full", "cars3d")
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    outcomes = []
    for trial in range(25):
        path = root / FILES[name][trial % len(FILES[name])]
        content = path.read_bytes()
        damaged = bytearray(content)
        # Half of the trials hit the head of the file, where the structure is.
        reach = len(damaged) if trial % 4 < 2 else min(len(damaged), 400)
        for position in rng.integers(reach, size=rng.integers(1, 9)):
            damaged[position] = rng.integers(256)
        if trial % 5 == 0:
            damaged = damaged[: rng.integers(len(damaged))]
        path.write_bytes(bytes(damaged))
        try:
            data = load(name, root)
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.append("error")
        else:
            images = data.images(np.arange(data.num_images))
            assert images.dtype == np.uint8 and images.shape[1:] == data.image_shape
            if checked:
                assert zlib.crc32(images.tobytes()) == expected
            outcomes.append("loaded")
        path.write_bytes(content)
        shutil.rmtree(cache_folder, ignore_errors=True)
    assert outcomes.count("error") >= 5


def test_wrong_magic_number_dtype_and_shape(copy):
    root = copy("smallnorb")
    path = root / f"{NORB}-dat.mat"
    path.write_bytes(b"\x00" * 4 + path.read_bytes()[4:])
    with pytest.raises(UserError, match="wrong magic number"):
        load("smallnorb", root)
    root = copy("mpi3d_toy")
    path = root / "mpi3d_toy/mpi3d_toy.npz"
    with np.load(path) as content:
        images = content["images"]
    for wrong, says in (
        (images.astype(np.float32), "type of the images"),
        (images[:-1], "expected one of"),
        (images[..., :1], "shape of an image"),
        (np.array([None] * 3), "pickled"),
    ):
        np.savez(path, images=wrong)
        with pytest.raises(UserError, match=says):
            load("mpi3d_toy", root)


def test_a_factor_table_that_misses_the_grid(copy):
    root = copy("smallnorb")
    path = root / f"{NORB}-info.mat"
    head, table = path.read_bytes()[:20], path.read_bytes()[20:]
    path.write_bytes(head + table[16:32] + table[16:])
    with pytest.raises(UserError, match=r"without an image|rows of the"):
        load("smallnorb", root)


def test_sprites_with_grey_values(copy):
    root = copy("dsprites_full")
    with np.load(root / DSPRITES) as content:
        images, classes = content["imgs"] * 3, content["latents_classes"]
    np.savez(root / DSPRITES, imgs=images, latents_classes=classes)
    with pytest.raises(UserError, match="largest value"):
        load("dsprites_full", root)


def test_metadata_is_never_unpickled(copy, tmp_path):
    """The pickle in dSprites' metadata would make a file; opening the set must not."""

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    root = copy("dsprites_full")
    with np.load(root / DSPRITES) as content:
        images, classes = content["imgs"], content["latents_classes"]
    bomb = np.array(Bomb(), dtype=object)
    np.savez(root / DSPRITES, imgs=images, latents_classes=classes, metadata=bomb)
    assert load("dsprites_full", root).num_images == len(images)
    assert not (tmp_path / "exploded").exists()


def test_gzipped_matrices_give_the_same_images(public_root, tmp_path):
    public_files.write_norb(tmp_path / "zipped", zipped=True)
    plain, zipped = load("smallnorb", public_root), load("smallnorb", tmp_path / "zipped")
    everything = np.arange(plain.num_images)
    np.testing.assert_array_equal(plain.images(everything), zipped.images(everything))


def test_both_files_of_shapes3d_give_the_same_images(public_root, tmp_path):
    data = load("shapes3d", public_root)
    np.testing.assert_array_equal(
        data.images(np.arange(data.num_images)), public_files.shapes3d_images()
    )
    shutil.copytree(public_root / "3dshapes", tmp_path / "only" / "3dshapes")
    (tmp_path / "only/3dshapes/3dshapes.h5").unlink()
    data = load("shapes3d", tmp_path / "only")
    np.testing.assert_array_equal(
        data.images(np.arange(data.num_images)), public_files.shapes3d_images()
    )


def test_no_reader_compares_a_file_with_true_or_false():
    """`check` shows both sides: "expected True; received False" tells nobody what to do."""
    package = pathlib.Path(readers.__file__).parent
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "check":
                shown = [*node.args[2:], *(keyword.value for keyword in node.keywords)]
                assert not any(
                    isinstance(value, (ast.Compare, ast.BoolOp))
                    or (isinstance(value, ast.Constant) and isinstance(value.value, bool))
                    for value in shown
                ), f"{path}:{node.lineno}"
