"""The example in docs/extending/new_data_set.md, put where it says."""

import re
from pathlib import Path

import numpy as np

from deltavae.cli.main import main
from deltavae.data import load, registry, synthetic

PAGE = Path(__file__).parents[2] / "docs/extending/new_data_set.md"


def test_a_new_dataset_is_one_file(tmp_path, monkeypatch, capsys):
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]
    (tmp_path / "discs.py").write_text(code)
    monkeypatch.setattr(synthetic, "__path__", [*synthetic.__path__, str(tmp_path)])
    found = {dataset.name: dataset for dataset in registry._datasets_in(synthetic)}
    assert {"turntable", "sprites", "discs"} <= set(found)
    monkeypatch.setattr(registry, "DATASETS", found)

    data = load("discs")
    assert data.factor_names == ("position_x", "position_y") and data.num_images == 64
    # The disc of image (x, y) has its centre of mass at (11 + 6 x, 11 + 6 y).
    for x, y in ((0, 0), (3, 5), (7, 7)):
        image = data.images(data.index_of(np.array([[x, y]])))[0, ..., 0] > 0
        rows, columns = np.nonzero(image)
        assert (columns.mean(), rows.mean()) == (11 + 6 * x, 11 + 6 * y)
        assert abs(image.sum() - np.pi * 100) < 20
    assert main(["data", "list"]) == 0
    assert "position_x 8, position_y 8" in capsys.readouterr().out
    assert main(["data", "show", "discs", "--output_dir", str(tmp_path / "pictures")]) == 0
    assert len(list((tmp_path / "pictures").iterdir())) == 3
