"""The numbers on the front page and in docs/results.md are those of the committed tables."""

import re

import numpy as np
import pandas as pd
import pytest

from tools import results, results_figures


def test_pages_hold_the_numbers_of_the_tables():
    assert results.main(["--check"]) == 0


def test_every_table_is_shown():
    text = (results.ROOT / "docs" / "results.md").read_text()
    shown = set(re.findall(r"<!-- (?:table|chosen) (\w+) -->", text))
    assert shown == {path.stem for path in results.TABLES.glob("*.csv")}


def test_a_changed_number_is_seen(tmp_path, monkeypatch):
    rows = pd.DataFrame(
        {
            "dataset": "cars",
            "setting": "d=1 S",
            "readout": "aligned",
            "seed": [0, 1, 2],
            "mig": [0.10, 0.30, 0.12],
        }
    )
    rows.to_csv(tmp_path / "trial.csv", index=False)
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- table trial -->\n<!-- end -->\n"  # new on the page
        'MIG <!-- value trial mig setting="d=1 S" readout=aligned -->.99<!-- end --> it is\n'
    )
    monkeypatch.setattr(results, "TABLES", tmp_path)
    monkeypatch.setattr(results, "ROOT", tmp_path)
    monkeypatch.setattr(results, "PAGES", (page,))
    assert results.main(["--check"]) == 1
    assert results.main([]) == 0
    assert "| cars | d=1 S | aligned | 3 | 0.12 (0.10 to 0.30) |" in page.read_text()
    assert "-->0.12 (0.10 to 0.30)<!--" in page.read_text()
    assert results.main(["--check"]) == 0
    with pytest.raises(SystemExit, match="no row"):
        results.value("trial", "mig", setting="S2")


def test_rows_are_in_the_order_of_their_numbers(tmp_path, monkeypatch):
    settings = ["S10", "S2", "R3 beta=10.0", "R3 beta=2.5"]
    rows = pd.DataFrame({"dataset": ["b", "a", "b", "b"], "setting": settings})
    rows.to_csv(tmp_path / "trial.csv", index=False)
    monkeypatch.setattr(results, "TABLES", tmp_path)
    read = results.read("trial")
    assert [*read["setting"]] == ["S2", "R3 beta=2.5", "R3 beta=10.0", "S10"]


def test_every_table_has_its_figure_and_the_page_shows_it():
    text = (results.ROOT / "docs" / "results.md").read_text()
    for table in results.TABLES.glob("*.csv"):
        for name in results_figures.drawings(table.stem):
            figure = results_figures.FIGURES / f"{name}.svg"
            assert results_figures.digest(table) in figure.read_text(), "run make results-figures"
            assert f"(images/results/{figure.name})" in text


def test_figures_are_drawn_of_what_a_table_holds(tmp_path, monkeypatch, capsys):
    """Spheres and flat space over d, settings that UDR chooses, what predicts a score."""
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"dataset": "cars", "setting": f"{space}{d}", "variant": space, "readout": "aligned"}
        | {"seed": seed, "run": f"{space}{d}{seed}", "udr": 0.1 * d, "elbo": -rng.uniform()}
        | {"held_out_elbo": -90 + rng.normal(), "mig": rng.uniform()}
        for space in "SR" for d in (2, 5, 10) for seed in (0, 1, 2)
    )  # fmt: skip
    for name in ("claims_short", "which_model"):
        rows.to_csv(tmp_path / f"{name}.csv", index=False)
    for module in (results, results_figures):
        monkeypatch.setattr(module, "TABLES", tmp_path)
        monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(results_figures, "FIGURES", tmp_path)
    assert results_figures.main([]) == 0
    drawn = ["claims_short.svg", "which_model.svg", "which_model_selection.svg"]
    assert capsys.readouterr().out.split() == drawn
    table = tmp_path / "claims_short.csv"
    assert results_figures.digest(table) in (tmp_path / drawn[0]).read_text()
    table.write_text(table.read_text().replace("cars", "vans"))
    assert results_figures.digest(table) not in (tmp_path / drawn[0]).read_text()

    over_d = results_figures.over_dimensions(rows, ["held_out_elbo", "mig", "dci"])
    assert [axes.get_title() for axes in over_d.axes] == ["held-out ELBO", "MIG"]
    medians = rows.groupby("setting")["mig"].median()
    sphere = over_d.axes[1].lines[0].get_ydata()
    np.testing.assert_allclose(sphere, medians[["S2", "S5", "S10"]])
    # UDR is largest at d = 10
    chosen = results_figures.of_chosen_settings(rows, ["mig"])
    assert [label.get_text() for label in chosen.axes[0].get_yticklabels()] == ["S", "R"]
    bars = [line.get_xdata()[0] for line in chosen.axes[0].lines if line.get_marker() == "|"]
    np.testing.assert_allclose(bars, medians[["S10", "R10"]])
    correlations = results_figures.of_selection(rows.assign(elbo=rows["mig"]), ["mig"])
    dots = [line.get_xdata()[0] for line in correlations.axes[0].lines if line.get_marker() == "o"]
    assert dots[0] == pytest.approx(1)  # the ELBO is the MIG here


def test_chosen_settings_and_selection_are_drawn(tmp_path, monkeypatch):
    """Of `a 1` and `a 2` UDR chooses the second, whose MIG is lower."""
    rows = pd.DataFrame(
        {
            "dataset": "cars",
            "setting": ["a 1", "a 1", "a 1", "a 2", "a 2", "a 2"],
            "variant": "a",
            "readout": "aligned",
            "seed": [0, 1, 2, 0, 1, 2],
            "run": list("uvwxyz"),
            "elbo": [-6.0, -5.0, -4.0, -3.0, -2.0, -1.0],
            "udr": [0.1, 0.2, 0.3, 0.5, 0.6, 0.4],
            "mig": [0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
        }
    )
    rows.to_csv(tmp_path / "trial.csv", index=False)
    page = "<!-- chosen trial -->\n\n<!-- end -->\n<!-- selection trial -->\n\n<!-- end -->\n"
    monkeypatch.setattr(results, "TABLES", tmp_path)
    text = results.filled(page)
    assert "| cars | a 2 | aligned | 3 |" in text and "a 1" not in text
    assert "| cars | aligned | ELBO | -1.00 (-1.00 to -1.00) |" in text
    for by, score in {"random pick": 0.35, "ELBO": 0.1, "UDR": 0.2, "best by labels": 0.6}.items():
        assert f"| cars | aligned | {by} | {score:.2f} |" in text

    # within a setting the ELBO and the labels disagree entirely; UDR's choices are .4 and .2
    text = results.filled("<!-- seeds trial -->\n\n<!-- end -->\n")
    for by, gain in {"ELBO": -0.1, "UDR": -0.05, "best by labels": 0.1}.items():
        assert f"| cars | 2 | {by} | {gain:+.3f} (" in text

    assert results.value("trial", "mig", variant="a") == "0.20 (0.10 to 0.30)"
    assert results.value("trial", "mig", setting="a 1") == "0.50 (0.40 to 0.60)"
    with pytest.raises(SystemExit, match="several rows"):
        results.value("trial", "mig", readout="aligned")
    by_elbo = "<!-- correlation trial elbo mig readout=aligned -->?<!-- end -->"
    assert "-1.00 (-1.00 to -1.00)" in results.filled(by_elbo)
    with pytest.raises(SystemExit, match="0 correlations"):
        results.correlation("trial", "elbo", "mig", without="a", readout="aligned")
