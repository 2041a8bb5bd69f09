"""The numbers on the front page and in docs/results.md are those of the committed tables."""

import re

import pandas as pd
import pytest

from tools import results


def test_pages_hold_the_numbers_of_the_tables():
    assert results.main(["--check"]) == 0


def test_every_table_is_shown():
    text = (results.ROOT / "docs" / "results.md").read_text()
    shown = set(re.findall(r"<!-- table (\w+) -->", text))
    assert shown == {path.stem for path in results.TABLES.glob("*.csv")}


def test_a_changed_number_is_seen(tmp_path, monkeypatch):
    rows = pd.DataFrame(
        {
            "dataset": "cars",
            "setting": "S1",
            "readout": "aligned",
            "seed": [0, 1, 2],
            "mig": [0.10, 0.30, 0.12],
        }
    )
    rows.to_csv(tmp_path / "trial.csv", index=False)
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- table trial -->\nx\n<!-- end -->\n"
        "MIG <!-- value trial mig setting=S1 readout=aligned -->.99<!-- end --> it is\n"
    )
    monkeypatch.setattr(results, "TABLES", tmp_path)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "PAGES", (page,))
    assert results.main(["--check"]) == 1
    assert results.main([]) == 0
    assert "| cars | S1 | aligned | 3 | 0.12 (0.10 to 0.30) |" in page.read_text()
    assert "-->0.12 (0.10 to 0.30)<!--" in page.read_text()
    assert results.main(["--check"]) == 0
    with pytest.raises(SystemExit, match="no row"):
        results.value("trial", "mig", setting="S2")
