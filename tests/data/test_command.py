"""`deltavae data`, and that what it lists is what the datasets say of themselves."""

import errno
import inspect
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from deltavae.cli.flags import Parser, comma_list
from deltavae.cli.main import main
from deltavae.data import GroundTruthData, load, names
from deltavae.data.public.base import PublicData
from deltavae.data.registry import DATASETS
from deltavae.errors import UserError

# What the publishers say: the number of images, and of latent factors.
PUBLISHED = {
    "cars3d": (17_568, 3),
    "color_dsprites": (737_280, 5),
    "dsprites_full": (737_280, 5),
    "dsprites_noshape": (737_280, 4),
    "falcor3d": (233_280, 7),
    "isaac3d": (737_280, 9),
    "mpi3d_real": (1_036_800, 7),
    "mpi3d_real_complex": (460_800, 7),
    "mpi3d_realistic": (1_036_800, 7),
    "mpi3d_toy": (1_036_800, 7),
    "noisy_dsprites": (737_280, 5),
    "scream_dsprites": (737_280, 5),
    "shapes3d": (480_000, 6),
    "smallnorb": (48_600, 4),
    "sprites": (737_280, 5),
    "turntable": (9_216, 4),
    "turntable_azimuth": (24, 1),
    "turntable_hard": (62_208, 6),
    "turntable_hues": (576, 2),
    "turntable_marked": (9_216, 4),
}
# Drawn in full these take seconds each; `turntable` is of the same class.
LONG = {"turntable_hard", "turntable_marked"}


def _named_classes(base):
    for child in base.__subclasses__():
        yield from _named_classes(child)
        if "name" in vars(child) and child.__module__.startswith("deltavae."):
            yield child


def test_every_dataset_class_is_in_the_registry_once():
    classes = set(_named_classes(GroundTruthData))
    assert classes == set(DATASETS.values())
    assert len({dataset.name for dataset in classes}) == len(classes)
    assert sorted(PUBLISHED) == names()


def test_listing_says_of_each_dataset_what_its_publisher_says(capsys, tmp_path):
    assert main(["data", "--data_dir", str(tmp_path), "list"]) == 0
    printed = capsys.readouterr().out
    for name, dataset in DATASETS.items():
        images, factors = PUBLISHED[name]
        assert math.prod(factor.size for factor in dataset.grid) == images
        assert sum(not factor.nuisance for factor in dataset.grid) == factors
        assert name in printed and f"{images:,}" in printed
        assert inspect.getdoc(dataset)
        if issubclass(dataset, PublicData):
            assert dataset.page.startswith("http") and dataset.files
    assert "azimuth* 24, hue* 24" in printed and "missing" in printed


def test_listing_opens_no_file_and_starts_no_tensorflow():
    code = """if True:
        import sys
        from deltavae.cli.main import main
        from deltavae.data.dataset import GroundTruthData

        def refuse(*arguments):
            raise AssertionError("a dataset was opened")

        GroundTruthData.__init__ = refuse
        assert main(["data", "list"]) == 0
        assert "tensorflow" not in sys.modules and "matplotlib" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(set(DATASETS) - LONG))
def test_what_a_class_says_agrees_with_the_dataset_it_opens(name, public_root, small_sizes):
    data, said = load(name, public_root), DATASETS[name]
    latent = [factor for factor in said.grid if not factor.nuisance]
    assert data.name == name and data.image_shape == said.image_shape
    assert data.factor_names == tuple(factor.name for factor in latent)
    assert list(data.periodic) == [f.name for f in latent if f.symmetry is not None]
    assert data.images([0]).shape == (1, *said.image_shape)
    if not issubclass(said, PublicData):
        assert data.factor_sizes == [factor.size for factor in latent]
        assert data.num_images == PUBLISHED[name][0]


def test_files_count_as_present_wherever_they_are_read_from(public_root, tmp_path):
    public = {n: d for n, d in DATASETS.items() if issubclass(d, PublicData)}
    assert {name for name, dataset in public.items() if dataset.missing(public_root)} == set()
    assert all(dataset.missing(tmp_path) == list(dataset.files) for dataset in public.values())
    (tmp_path / "3dshapes.h5").touch()
    assert public["shapes3d"].missing(tmp_path) == []


def test_an_unknown_dataset_names_those_there_are():
    with pytest.raises(UserError) as caught:
        load("turntabel")
    assert all(name in str(caught.value) for name in DATASETS)


def test_a_home_folder_is_found_by_its_sign(tmp_path, monkeypatch, public_root):
    """A shell leaves the ~ in --dataset=~/mine and in an exported variable alone."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "data").symlink_to(public_root)
    monkeypatch.setenv("DISENTANGLEMENT_LIB_DATA", "~/data")
    monkeypatch.setenv("DELTAVAE_CACHE", "~/cache")
    assert load("cars3d").num_images == 3 * 96
    assert load("cars3d", "~/data").num_images == 3 * 96
    assert list((tmp_path / "cache").iterdir())
    with pytest.raises(UserError, match=str(tmp_path)):
        load("~/mine.npz")


@pytest.mark.parametrize("flags", [["--output_dir=~/out"], ["--output_dir", "~/out"]])
def test_a_home_folder_in_any_flag(flags, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["data", "show", "turntable_hues", *flags]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_home_folder_in_a_list_of_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    flags = Parser("deltavae", "A command.", ["example"])
    flags.add_argument("--compare", type=comma_list)
    flags.add_argument("--param")
    found = flags.parse(["--compare=~/a,~/b", "--param=x = ~/y"])
    assert found.compare == ["/home/me/a", "/home/me/b"]
    assert found.param == "x = ~/y"


def test_show_writes_a_sheet_and_a_strip_for_each_factor(tmp_path, capsys):
    assert main(["data", "show", "sprites", "--output_dir", str(tmp_path)]) == 0
    found = {path.name for path in tmp_path.iterdir()}
    factors = ("shape", "scale", "orientation", "position_x", "position_y")
    assert found == {"sprites.png", *(f"sprites_{factor}.png" for factor in factors)}
    with Image.open(tmp_path / "sprites.png") as sheet:
        assert sheet.size == (12 * 66 - 2, 8 * 66 - 2)


def test_show_names_what_it_wrote_letter_by_letter(tmp_path, capsys):
    folder = tmp_path / "pics[new]" / ":cat:" / ("long_name" * 10)
    assert main(["data", "show", "turntable_azimuth", "--output_dir", str(folder)]) == 0
    written = sorted(map(str, folder.iterdir()))
    assert sorted(capsys.readouterr().out.splitlines()) == written


def test_show_of_a_custom_dataset_says_what_was_noticed(tmp_path, capsys):
    images = np.zeros((6, 64, 64), np.uint8)
    table, names = [[i // 3, i % 3] for i in range(6)], ["weight/kg", "size"]
    np.savez(tmp_path / "black.npz", images=images, factors=table, factor_names=names)
    arguments = ["show", str(tmp_path / "black.npz"), "--output_dir", str(tmp_path / "shown")]
    assert main(["data", *arguments]) == 0
    assert "warning: the images are all black" in capsys.readouterr().out
    found = {path.name for path in (tmp_path / "shown").iterdir()}
    assert found == {"black.png", "black_weight_kg.png", "black_size.png"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "nothing"], "turntable_hues"),
        (["show", "cars3d"], "scottreed.info"),
        (["show", "isaac3d"], "by hand"),
        (["download", "turntable"], "there is nothing to download"),
        (["download", "nothing"], "mpi3d_real_complex"),
    ],
)
def test_mistakes_are_one_line_and_status_2(arguments, says, tmp_path, capsys):
    assert main(["data", "--data_dir", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert says in captured.err
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_of_a_picture(tmp_path, monkeypatch, capsys):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert main(["data", "show", "turntable_azimuth", "--output_dir", str(tmp_path)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_names_are_printed_where_the_output_has_no_letters_for_them(tmp_path):
    np.savez(
        tmp_path / "größe.npz",
        images=np.arange(4 * 64 * 64, dtype=np.uint8).reshape(4, 64, 64),
        factors=np.arange(4),
    )
    arguments = ["data", "show", str(tmp_path / "größe.npz"), "--output_dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "deltavae", *arguments],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "gr\\xf6\\xdfe.png" in done.stdout
