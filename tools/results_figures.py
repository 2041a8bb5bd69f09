"""Draw the figures of docs/results.md from the tables in docs/results/.

    python -m tools.results_figures            # docs/images/results/NAME.svg of every table
    python -m tools.results_figures recipe     # of one

In the figures of runs a dot is one seed, a bar the median over seeds, a line the range. A figure
holds the SHA-256 of its table, by which a test finds one that was not drawn again.
"""

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deltavae.io import atomic_write
from deltavae.report.figure_files import figure_svg
from deltavae.report.figures.style import CATEGORIES, FAINT, new_figure, plain
from deltavae.scoring.score_specs import CHALLENGE
from deltavae.studies import summary
from tools.results import COLUMNS, CRITERIA, ROOT, TABLES, read

FIGURES = ROOT / "docs" / "images" / "results"
_SCORES = (*CHALLENGE, "r2_azimuth")


def digest(table: Path) -> str:
    """What a figure says of the table that it was drawn from."""
    return f"{table.name} sha256:{hashlib.sha256(table.read_bytes()).hexdigest()}"


def by_setting(data: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """A row of panels for each dataset, a panel for each column, a line for each setting.

    Args:
        data: rows of runs; readouts are told apart by their colour.
        columns: of `COLUMNS`; those without a number are left out.
    """
    columns = [name for name in columns if name in data and data[name].notna().any()]
    settings, readouts = data["setting"].unique(), sorted(data["readout"].unique())
    datasets = data["dataset"].unique()
    figure, panels = _grid(len(datasets), columns, 0.32 * len(settings), "row")
    for row, dataset in zip(panels, datasets, strict=True):
        for axes, column in zip(row, columns, strict=True):
            for number, readout in enumerate(readouts):
                for place, setting in enumerate(settings):
                    chosen = data[
                        (data["dataset"] == dataset)
                        & (data["setting"] == setting)
                        & (data["readout"] == readout)
                    ]
                    height = place + _offset(number, len(readouts))
                    _seeds(axes, chosen[column], height, CATEGORIES[number])
        row[0].set_yticks(range(len(settings)), settings)
        row[0].set_ylim(len(settings) - 0.5, -0.5)
        row[0].set_ylabel(dataset, fontsize=9)
    if len(readouts) > 1:
        _legend(figure, readouts)
    return figure


def over_dimensions(data: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """A row of panels for each dataset, a panel for each column: spheres and flat space over d.

    Args:
        data: rows of runs whose settings are S<d> and R<d>; the first readout is shown.
        columns: of `COLUMNS`; those without a number are left out.
    """
    data = data[data["readout"] == data["readout"].iloc[0]]
    columns = [name for name in columns if name in data and data[name].notna().any()]
    names = {"S": "sphere S^d", "R": "flat space R^d"}
    dims = data["setting"].str[1:].astype(int)
    ticks = sorted(dims.unique())
    datasets = data["dataset"].unique()
    figure, panels = _grid(len(datasets), columns, 1.5, "none")
    for row, dataset in zip(panels, datasets, strict=True):
        for axes, column in zip(row, columns, strict=True):
            for number, letter in enumerate(names):
                rows = data[(data["dataset"] == dataset) & (data["setting"].str[0] == letter)]
                seeds = rows.assign(d=dims).groupby("d")[column]
                medians, shift = seeds.median(), 1.04 if number else 1 / 1.04
                colour = CATEGORIES[number]
                axes.plot(medians.index * shift, medians, "-", color=colour, lw=1.5)
                axes.vlines(medians.index * shift, seeds.min(), seeds.max(), color=colour, lw=1)
                axes.plot(rows.assign(d=dims)["d"] * shift, rows[column], ".", color=colour, ms=4)
            axes.set_xscale("log")
            axes.set_xticks(ticks, map(str, ticks))
            axes.minorticks_off()
        row[0].set_ylabel(dataset, fontsize=9)
    for axes in panels[-1]:
        axes.set_xlabel("d", fontsize=9)
    _legend(figure, list(names.values()))
    return figure


def of_chosen_settings(data: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """As `by_setting`, with the one setting of each variant that UDR chooses."""
    chosen = summary.chosen_settings(data)
    return by_setting(chosen.assign(setting=chosen["variant"]), columns)


def of_selection(data: pd.DataFrame, columns: Sequence[str]) -> Figure:
    """Rank correlation over runs of each criterion with each score, and its 95% interval.

    A row of panels for each dataset, a panel for each score, a line for each criterion; readouts
    are told apart by their colour.
    """
    found = summary.selection(data)
    columns = [name for name in columns if name in set(found["score"])]
    criteria = found["criterion"].unique()
    readouts = sorted(found["readout"].unique())
    datasets = found["dataset"].unique()
    figure, panels = _grid(len(datasets), columns, 0.4 * len(criteria), "row")
    for row, dataset in zip(panels, datasets, strict=True):
        for axes, column in zip(row, columns, strict=True):
            part = found[(found["dataset"] == dataset) & (found["score"] == column)]
            for _, one in part.iterrows():
                number = readouts.index(one["readout"])
                place = list(criteria).index(one["criterion"])
                height = place + _offset(number, len(readouts))
                colour = CATEGORIES[number]
                axes.plot([one["low"], one["high"]], [height] * 2, "-", color=colour, lw=1.5)
                axes.plot([one["correlation"]], [height], "o", color=colour, ms=4)
            axes.axvline(0, color=FAINT, lw=0.8, zorder=0)
            axes.set_xlim(-1, 1)
        row[0].set_yticks(range(len(criteria)), [CRITERIA[name] for name in criteria])
        row[0].set_ylim(len(criteria) - 0.5, -0.5)
        row[0].set_ylabel(dataset, fontsize=9)
    _legend(figure, readouts)
    return figure


class Drawing(NamedTuple):
    """A figure of a table: what its name ends in, what draws it, and of which columns."""

    ending: str
    draw: Callable[[pd.DataFrame, Sequence[str]], Figure]
    columns: Sequence[str]


_HELD_OUT = ("held_out_elbo", "held_out_reconstruction", "held_out_information")
_MODELS = [
    Drawing("", of_chosen_settings, _SCORES),
    Drawing("_selection", of_selection, _SCORES),
]
_DRAWINGS = {
    "claims_circle": [
        Drawing("", by_setting, ("reconstruction", "winding_number", "order_errors", "r2_azimuth"))
    ],
    "claims_short": [Drawing("", over_dimensions, _HELD_OUT)],
    "recipe": [Drawing("", by_setting, _HELD_OUT[1:])],
    "table1_short": [Drawing("", by_setting, (*CHALLENGE, "information"))],
    "which_model": _MODELS,
}


def drawings(table: str) -> dict[str, Drawing]:
    """The figures of docs/results/TABLE.csv, by name."""
    known = _DRAWINGS.get(table, [Drawing("", by_setting, _SCORES)])
    return {f"{table}{one.ending}": one for one in known}


def main(arguments: list[str] | None = None) -> int:
    """Draw the figures and name them; returns the exit status."""
    parser = argparse.ArgumentParser(description="Draw the figures of docs/results.md.")
    parser.add_argument("names", nargs="*", help="tables in docs/results; default: all")
    chosen = parser.parse_args(arguments).names
    for table in chosen or sorted(path.stem for path in TABLES.glob("*.csv")):
        source = digest(TABLES / f"{table}.csv")
        for name, one in drawings(table).items():
            path = FIGURES / f"{name}.svg"
            figure = one.draw(read(table), one.columns)
            atomic_write(path, figure_svg(figure, source=source))
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    return 0


def _grid(
    rows: int, columns: Sequence[str], height: float, sharey: Literal["row", "none"]
) -> tuple[Figure, np.ndarray]:
    """A figure with a heading over each column."""
    figure = new_figure(2.2 + 1.55 * len(columns), 0.6 + rows * (height + 0.5))
    panels = figure.subplots(rows, len(columns), squeeze=False, sharey=sharey)
    for axes in panels.flat:
        plain(axes)
        axes.tick_params(labelsize=8)
        axes.locator_params(nbins=4)
    for axes, name in zip(panels[0], columns, strict=True):
        axes.set_title(COLUMNS[name][0], fontsize=9, loc="center")
    return figure, panels


def _offset(number: int, count: int) -> float:
    """Where the line of one of `count` readouts lies in the space of a setting."""
    return (number - (count - 1) / 2) * 0.7 / count


def _seeds(axes: Axes, values: pd.Series, height: float, colour: str) -> None:
    values = values.dropna()
    if values.empty:
        return
    axes.plot([values.min(), values.max()], [height, height], "-", color=colour, lw=1, alpha=0.6)
    axes.plot(values, np.full(len(values), height), "o", color=colour, ms=3, alpha=0.6, mew=0)
    axes.plot([values.median()], [height], "|", color=colour, ms=9, mew=2)


def _legend(figure: Figure, names: Sequence[str]) -> None:
    lines = [
        figure.axes[0].plot([], [], "-", color=CATEGORIES[number], label=name)[0]
        for number, name in enumerate(names)
    ]
    figure.legend(
        handles=lines, fontsize=8, frameon=False, loc="outside lower center", ncols=len(names)
    )


if __name__ == "__main__":
    sys.exit(main())
