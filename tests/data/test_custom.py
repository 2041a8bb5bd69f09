"""Custom datasets: a folder of images with a table, or an .npz."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deltavae.data import custom, load
from deltavae.errors import UserError

GRID = [(angle, paint) for angle in (0, 90, 180, 270) for paint in ("blue", "red")]


def _pictures(count=8, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 64, 64, channels), dtype=np.uint8)


def _folder(root, rows, pictures):
    with (root / "factors.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "angle:circle", "paint"])
        for i, (row, picture) in enumerate(zip(rows, pictures, strict=True)):
            Image.fromarray(picture.squeeze()).save(root / f"{i}.png")
            writer.writerow([f"{i}.png", *row])
    return str(root)


def test_a_folder_with_every_combination_is_a_grid_with_its_rows_in_any_order(tmp_path):
    pictures = _pictures()
    order = np.random.default_rng(1).permutation(8)
    data = load(_folder(tmp_path, [GRID[i] for i in order], pictures[order]))
    # Image i is row i of the table; images asked for by factors are those of the grid.
    np.testing.assert_array_equal(data.images(np.arange(8)), pictures[order])
    every = np.stack(np.unravel_index(np.arange(8), (4, 2)), axis=-1)
    np.testing.assert_array_equal(data.factors(np.arange(8)), every[order])
    np.testing.assert_array_equal(data.images(data.index_of(every)), pictures)
    seen = data.sample_observations_from_factors(every, np.random.RandomState(0))
    np.testing.assert_array_equal(seen, pictures / np.float32(255))
    data.require_grid("a test")
    assert data.is_grid and data.factor_names == ("angle", "paint")
    assert data.factor_sizes == [4, 2] and data.periodic == {"angle": 1}
    # Numbers are sorted as numbers, so 90 comes before 180 and 270.
    assert data.value_labels == {"angle": ("0", "90", "180", "270"), "paint": ("blue", "red")}
    assert load(data.name).num_images == 8


def test_an_incomplete_table_draws_from_its_rows(tmp_path):
    pictures = _pictures(7, channels=1)
    data = load(_folder(tmp_path, GRID[:7], pictures))
    assert not data.is_grid and data.num_images == 7 and data.image_shape == (64, 64, 1)
    factors, images = data.sample(200, np.random.RandomState(0))
    assert (factors != [3, 1]).any(axis=1).all()
    index = data.index_of(factors)
    np.testing.assert_array_equal(data.factors(index), factors)
    np.testing.assert_array_equal(images, pictures[index] / np.float32(255))
    with pytest.raises(UserError, match=r"no image .* \[3, 1\]"):
        data.index_of(np.array([[3, 1]]))


@pytest.mark.parametrize(
    ("rows", "gaps"),
    [
        (
            [GRID[0]] * 3 + GRID[1:],
            r"10 images for 8 .* 0 of them without .* 2 images that repeat",
        ),
        (GRID[:7], r"7 images for 8 .* 1 of them without .* 0 images that repeat"),
        ([GRID[0], *GRID[:7]], r"8 images for 8 .* 1 of them without .* 1 images that repeat"),
    ],
)
def test_interventions_on_what_is_no_grid_are_refused(tmp_path, rows, gaps):
    data = load(_folder(tmp_path, rows, _pictures(len(rows))))
    assert not data.is_grid
    random_state, there = np.random.RandomState(0), data.factors(np.arange(2))
    for ask in (data.sample_observations_from_factors, data.indices_from_factors):
        with pytest.raises(UserError, match=gaps):
            ask(there, random_state)
    with pytest.raises(UserError, match=f"FactorVAE needs a full grid.*{gaps}"):
        data.require_grid("FactorVAE")
    np.testing.assert_array_equal(data.factors(data.index_of(there)), there)


def test_as_many_columns_as_64_bits_cannot_count(tmp_path):
    """21 columns of 10 values each: 10^21 combinations."""
    table = np.random.default_rng(0).integers(0, 10, (200, 21))
    np.savez(tmp_path / "wide.npz", images=_pictures(200), factors=table)
    data = load(str(tmp_path / "wide.npz"))
    assert not data.is_grid
    np.testing.assert_array_equal(data.factors(np.arange(200)), table)
    np.testing.assert_array_equal(data.index_of(table), np.arange(200))


@pytest.mark.parametrize("kind", ["uint8", "unit", "bytes", "int32"])
def test_npz_of_every_number_type(tmp_path, kind):
    pictures = _pictures()
    stored = {
        "uint8": pictures,
        "unit": pictures / 255.0,
        "bytes": pictures.astype(np.float32),
        "int32": pictures.astype(np.int32),
    }[kind]
    factors = np.array([(a // 90, int(p == "red")) for a, p in GRID])
    names = np.array(["angle:circle", "paint"])
    np.savez(tmp_path / "mine.npz", images=stored, factors=factors, factor_names=names)
    data = load(str(tmp_path / "mine.npz"))
    assert data.is_grid and data.periodic == {"angle": 1}
    np.testing.assert_array_equal(data.images(np.arange(8)), pictures)


@pytest.mark.parametrize(
    ("images", "factors", "says"),
    [
        (_pictures() * 1.5, np.arange(8)[:, None], "out of range"),
        (_pictures() / 255.0 - 0.5, np.arange(8)[:, None], "out of range"),
        (np.full((8, 64, 64), np.nan), np.arange(8)[:, None], "finite"),
        (_pictures()[:, :32], np.arange(8)[:, None], "wrong shape"),
        (_pictures().astype("S3"), np.arange(8)[:, None], "wrong type"),
        (_pictures(), np.arange(7)[:, None], "shape of the factors"),
        (_pictures(), np.arange(8) * 1j, "wrong type of an array of factors"),
        (_pictures(), np.array([[0.0]] * 7 + [[np.nan]]), "row 7 of the factors .* finite"),
        (_pictures(), np.zeros((8, 2)), "no factor .* has two values"),
        (_pictures(), np.zeros((8, 0)), "shape of the factors"),
        (_pictures(), np.array([[{}]] * 8, dtype=object), "pickled"),
    ],
)
def test_bad_npz(tmp_path, images, factors, says):
    np.savez(tmp_path / "bad.npz", images=images, factors=factors)
    with pytest.raises(UserError, match=says):
        load(str(tmp_path / "bad.npz"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "first column"),
        ("picture,angle\n0.png,1\n", "first column"),
        ("file\n0.png\n", "no factors"),
        ("file,angle\n", "no images"),
        ("file,angle\n\n0.png,1,2\n", "line 3 .* another number of entries"),
        ("file,angle\nnone.png,1\n", "line 2 .* missing file"),
        ("file,angle\n0.png,1\n./0.png,2\n", "lists 0.png twice.*lines 2 and 3"),
        ("file,angle\n,1\n", "line 2 .* names no image"),
        ('file,angle\n"a\nb.png",1\n', r"line 3 .* names no image.*'a\\nb.png'"),
        ("file,angle\n/etc/passwd,1\n", "line 2 .* outside"),
        ("file,angle\n0.png,\n", "line 2 has no value of 'angle'"),
        ("file;angle\n0.png;1\n", "a header that begins with 'file,'.*file;angle"),
        ('file,angle\n"0.png,1\n', "no CSV"),
        ("file,caf\xe9\n0.png,1\n", "isn't UTF-8"),
        ("file,angle\n0\x00.png,1\n", "names no image"),
        ("file,angle\n0.png,1\n", "no factor .* two values"),
        ("file,angle\n../../etc/passwd,1\n", "outside"),
        ("file,angle:square\n0.png,1\n", "bad factor name"),
        ("file,angle,angle\n0.png,1,1\n", "bad factor name"),
    ],
)
def test_bad_folder(tmp_path, text, says):
    Image.fromarray(_pictures()[0]).save(tmp_path / "0.png")
    (tmp_path / "factors.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=says):
        load(str(tmp_path))


def test_damaged_files_load_or_end_in_one_line(tmp_path):
    """Bytes changed at random in a table, an archive and an image."""
    _folder(tmp_path, GRID, _pictures())
    archive = tmp_path / "custom.npz"
    np.savez(archive, images=_pictures(), factors=np.arange(8))
    rng = np.random.default_rng(0)
    for path in (tmp_path / "factors.csv", archive, tmp_path / "0.png"):
        sound = path.read_bytes()
        for _ in range(40):
            damaged = bytearray(sound)
            for place in rng.integers(len(sound), size=2):
                damaged[place] = rng.choice([0, 10, 44, 45, 48, 58, 255])
            path.write_bytes(damaged)
            try:
                load(str(archive if path == archive else tmp_path))
            except UserError as error:
                assert len(str(error).splitlines()) == 1
        path.write_bytes(sound)


def test_the_example_of_the_documentation(tmp_path):
    text = (Path(__file__).parents[2] / "docs/custom_data.md").read_text()
    table = next(block for block in text.split("```") if block.strip().startswith("file,"))
    (tmp_path / "more").mkdir()
    for name, picture in zip(("0.png", "more/1.jpg"), _pictures(2), strict=True):
        Image.fromarray(picture).save(tmp_path / name)
    (tmp_path / "factors.csv").write_text(table.strip())
    data = load(str(tmp_path))
    np.testing.assert_allclose(np.degrees(data.angles("angle")), [0, 15])
    assert data.warnings == ("factors with one value are left out: size",)


def _forbidden(*_):
    raise AssertionError("decoded again")


def test_a_folder_is_decoded_once_and_again_when_an_image_changes(tmp_path, monkeypatch):
    folder, order = _folder(tmp_path, GRID, _pictures()), list(reversed(range(8)))
    first = load(folder)
    with monkeypatch.context() as patch:
        for name in ("read_image", "count_channels"):
            patch.setattr(custom, name, _forbidden)
        again = load(folder)
        assert again.digest == first.digest
        np.testing.assert_array_equal(again.images(np.arange(8)), _pictures())
        # What a factor is called and what its values mean needs no pixels.
        table = tmp_path / "factors.csv"
        table.write_text(table.read_text().replace("paint", "colour").replace("red", "crimson"))
        renamed = load(folder)
        assert renamed.factor_names == ("angle", "colour") and renamed.digest != first.digest
    header, *rows = table.read_text().splitlines()
    table.write_text("\n".join([header, *(rows[i] for i in order)]))
    np.testing.assert_array_equal(load(folder).images(np.arange(8)), _pictures()[order])
    Image.fromarray(255 - _pictures()[3]).save(tmp_path / "3.png")
    os.utime(tmp_path / "3.png", ns=(1, 1))
    np.testing.assert_array_equal(load(folder).images([4]), 255 - _pictures()[[3]])


def _unpacked(folder, pictures):
    """A folder as archives unpack it: images of one name, one size and one time."""
    for i, picture in enumerate(pictures):
        (folder / str(i)).mkdir(parents=True)
        Image.fromarray(picture).save(folder / str(i) / "0.bmp")
        os.utime(folder / str(i) / "0.bmp", ns=(1, 1))
    _table(folder, range(len(pictures)))
    return str(folder)


def _table(folder, order):
    rows = [f"{i}/0.bmp,{i}" for i in order]
    (folder / "factors.csv").write_text("\n".join(["file,object", *rows]))


@pytest.mark.parametrize("shared", [False, True])
def test_images_that_differ_in_their_folder_only_keep_their_factors(tmp_path, monkeypatch, shared):
    if shared:
        monkeypatch.setenv("DELTAVAE_CACHE", str(tmp_path / "cache"))
    pictures = _pictures(4)
    folder = _unpacked(tmp_path / "views", pictures)
    np.testing.assert_array_equal(load(folder).images(np.arange(4)), pictures)
    order = [2, 0, 3, 1]
    _table(tmp_path / "views", order)
    data = load(folder)
    assert data.value_labels["object"] == ("0", "1", "2", "3")
    np.testing.assert_array_equal(data.factors(np.arange(4))[:, 0], order)
    np.testing.assert_array_equal(data.images(np.arange(4)), pictures[order])


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_datasets_of_one_name_share_a_cache(tmp_path, monkeypatch, kind):
    monkeypatch.setenv("DELTAVAE_CACHE", str(tmp_path / "cache"))
    for seed in (0, 1, 0, 1):
        pictures, root = _pictures(4, seed=seed), tmp_path / str(seed)
        if kind == "folder":
            path = root / "views"
            if not path.exists():
                _unpacked(path, pictures)
        else:
            path = root / "data.npz"
            root.mkdir(exist_ok=True)
            np.savez(path, images=pictures, factors=np.arange(4))
            os.utime(path, ns=(1, 1))
        np.testing.assert_array_equal(load(str(path)).images(np.arange(4)), pictures)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_an_archive_in_the_place_of_another_of_its_size_and_time(tmp_path):
    path = tmp_path / "data.npz"
    for seed in (0, 1):
        np.savez(path, images=_pictures(4, seed=seed), factors=np.arange(4))
        os.utime(path, ns=(1, 1))
        np.testing.assert_array_equal(
            load(str(path)).images(np.arange(4)), _pictures(4, seed=seed)
        )


def test_an_npz_is_decoded_once(tmp_path, monkeypatch):
    path = tmp_path / "floats.npz"
    np.savez(path, images=_pictures() / 255.0, factors=np.arange(8))
    first = load(str(path))
    monkeypatch.setattr(custom, "_scale", _forbidden)
    assert load(str(path)).digest == first.digest


def test_images_that_the_table_leaves_out_are_said(tmp_path):
    folder = _folder(tmp_path, GRID, _pictures())
    (tmp_path / "more").mkdir()
    for name in ("more/9.png", "left.JPG", "._0.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"never opened")
    (warning,) = load(folder).warnings
    assert warning == "2 images aren't in factors.csv and left out, such as left.JPG"


def test_a_factor_of_one_value_is_left_out_and_one_of_many_is_said(tmp_path):
    table = np.stack([np.zeros(120), np.arange(120), np.arange(120) % 3], axis=1)
    np.savez(tmp_path / "a.npz", images=_pictures(120), factors=table)
    data = load(str(tmp_path / "a.npz"))
    assert data.factor_names == ("factor_1", "factor_2") and not data.is_grid
    constant, many = data.warnings
    assert "one value" in constant and "factor_0" in constant
    assert "'factor_1' has 120 values in 120 images" in many


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("dtype", ["f8", "i2", ">i4", "U5", "S5", "?"])
def test_factors_of_every_layout_and_type(tmp_path, layout, dtype):
    table = np.stack([np.arange(8) // 4, np.arange(8) % 2], axis=1)
    stored = np.asarray(table.astype(dtype), order=layout)
    np.savez(tmp_path / "a.npz", images=_pictures(), factors=stored, factor_names=[b"x", b"y"])
    data = load(str(tmp_path / "a.npz"))
    assert data.factor_names == ("x", "y")
    np.testing.assert_array_equal(data.factors(np.arange(8)), table)


def test_factor_names_that_would_be_unpickled(tmp_path):
    names = np.array(["x"], dtype=object)
    np.savez(tmp_path / "a.npz", images=_pictures(), factors=np.arange(8), factor_names=names)
    with pytest.raises(UserError, match=r"factor_names .* pickled .*astype\(str\)"):
        load(str(tmp_path / "a.npz"))


def test_what_is_no_archive(tmp_path):
    np.save(tmp_path / "a.npy", _pictures())
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", pictures=_pictures())
    for name, says in [("a.npz", "cannot read"), ("b.npz", "no array 'images'.*pictures")]:
        with pytest.raises(UserError, match=says) as caught:
            load(str(tmp_path / name))
        assert "again" not in str(caught.value)
    with pytest.raises(UserError, match="no such dataset"):
        load(str(tmp_path / "none.npz"))


def test_a_folder_without_a_table(tmp_path):
    with pytest.raises(UserError, match=r"factors\.csv"):
        load(str(tmp_path))


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_is_not_the_current_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="name of the dataset is empty"):
        load(name)
