"""`deltavae data`, and that what it lists is what the sets say of themselves."""

import pytest
from PIL import Image

from deltavae.cli.main import main
from deltavae.data import load, names
from deltavae.data.listing import LISTINGS


def test_every_set_is_listed(capsys, tmp_path):
    assert sorted(LISTINGS) == names()
    assert main(["data", "--data_dir", str(tmp_path), "list"]) == 0
    printed = capsys.readouterr().out
    for name in names():
        assert name in printed
    assert "1,036,800" in printed and "azimuth* 24" in printed and "missing" in printed


@pytest.mark.parametrize("name", sorted(set(LISTINGS) - {"turntable_hard", "turntable_marked"}))
def test_listings_agree_with_the_sets(name, public_root, small_sizes):
    data, listing = load(name, public_root), LISTINGS[name]
    assert data.factor_names == tuple(factor for factor, _ in listing.factors)
    assert tuple(data.periodic) == listing.periodic
    if name in ("turntable", "sprites"):
        assert data.factor_sizes == [size for _, size in listing.factors]
        assert data.num_images == listing.images


def test_show_writes_a_sheet_and_a_strip_for_each_factor(tmp_path, capsys):
    assert main(["data", "show", "sprites", "--output_dir", str(tmp_path)]) == 0
    found = {path.name for path in tmp_path.iterdir()}
    factors = ("shape", "scale", "orientation", "position_x", "position_y")
    assert found == {"sprites.png", *(f"sprites_{factor}.png" for factor in factors)}
    with Image.open(tmp_path / "sprites.png") as sheet:
        assert sheet.size == (12 * 66 + 2, 8 * 66 + 2)


@pytest.mark.parametrize(
    "arguments",
    [["show", "nothing"], ["show", "cars3d"], ["download", "turntable"], ["download", "nothing"]],
)
def test_mistakes_are_one_line_and_status_2(arguments, tmp_path, capsys):
    assert main(["data", "--data_dir", str(tmp_path), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
