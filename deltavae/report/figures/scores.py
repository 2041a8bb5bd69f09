"""Figures of scores: of one run, of several, and heat maps of codes against factors."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deltavae.report.figures.style import CATEGORIES, FAINT, HEAT, INK, new_figure, plain, shorten
from deltavae.scoring.score_specs import described

# of the axis of scores
_LOWEST, _HIGHEST = -0.03, 1.05
_MARKERS = "osD^vPX*"


def on_the_axis(values: Mapping[str, Sequence[float | None]]) -> tuple[list[str], str]:
    """Which scores the figures show: those whose numbers all lie on their axis, 0 ... 1.

    Args:
        values: by key, the numbers of all runs; None where a run has none.

    Returns:
        their keys, and a sentence for the caption that names the others, empty if there are none.
    """
    drawn, others = [], []
    for key, each in values.items():
        spec, numbers = described(key), [number for number in each if number is not None]
        if not numbers:
            continue
        fits = _LOWEST <= min(numbers) and max(numbers) <= _HIGHEST
        if fits and spec.group != "unsupervised":
            drawn.append(key)
        else:
            others.append(spec.title)
    if not others:
        return drawn, ""
    return drawn, f" Not on this scale, so in the table only: {', '.join(others)}."


def dot_plot(
    scores: Mapping[str, float | None],
    chance: Mapping[str, float] | None = None,
    std: Mapping[str, float] | None = None,
    pca: Mapping[str, float] | None = None,
) -> Figure:
    """Scores as dots on 0 ... 1, the chance level as bars, standard deviations as whiskers.

    Args:
        scores: by name; those without a number are left out.
        chance: by name, the score of codes that carry nothing about the image.
        std: by name, the standard deviation over repeats.
        pca: by name, the score of a PCA of the pixels, drawn as squares.
    """
    finite = {k: v for k, v in scores.items() if v is not None and np.isfinite(v)}
    names = list(finite)
    figure = new_figure(4.3, 1.0 + 0.34 * len(names))
    axes = plain(figure.subplots(), "", "score", "")
    # of each kind of mark the first that is drawn is named in the legend
    chance_label: str | None = "chance level"
    pca_label: str | None = "PCA of pixels"
    for row, name in enumerate(names):
        value = finite[name]
        if chance and name in chance:
            axes.plot(
                [chance[name]], [row], "|", color=CATEGORIES[5], markersize=15, markeredgewidth=2,
                label=chance_label,
            )  # fmt: skip
            chance_label = None
        if pca and name in pca:
            axes.plot(
                [pca[name]], [row], "s", color=CATEGORIES[1], markersize=6,
                label=pca_label,
            )  # fmt: skip
            pca_label = None
        deviation = (std or {}).get(name)
        axes.errorbar(
            [value], [row], xerr=None if deviation is None else [deviation], fmt="o",
            color=CATEGORIES[0], markersize=7, capsize=3,
        )  # fmt: skip
        axes.annotate(
            f"{value:.3f}", (value, row), xytext=(0, 6), textcoords="offset points",
            ha="center", fontsize=8, color=INK,
        )  # fmt: skip
    _score_axis(axes, names)
    if not (chance_label and pca_label):
        figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    return figure


def comparison_plot(
    groups: Mapping[str, Sequence[Mapping[str, float]]],
    names: Sequence[str],
    single_std: Mapping[str, Mapping[str, float]] | None = None,
) -> Figure:
    """Scores of several groups of runs: a dot per run, the mean and its uncertainty.

    Args:
        groups: by label, the scores of runs that differ in their seed only. The
            whisker is the standard error of the mean, for groups of two runs or more.
        names: the scores that are shown, in order.
        single_std: by label and score, the whisker of a group of one run.
    """
    figure = new_figure(4.3, 1.0 + len(names) * (0.3 + 0.17 * len(groups)))
    axes = plain(figure.subplots(), "", "score", "")
    step = 0.7 / max(1, len(groups))
    for number, (label, runs) in enumerate(groups.items()):
        colour = CATEGORIES[number % len(CATEGORIES)]
        marker = _MARKERS[number % len(_MARKERS)]
        named: str | None = textwrap.fill(label, 50)  # of the first mark that is drawn
        for row, name in enumerate(names):
            values = np.array([run[name] for run in runs if run.get(name) is not None])
            if not len(values):
                continue
            height = row + (number - (len(groups) - 1) / 2) * step
            if len(values) > 1:
                axes.plot(values, np.full(len(values), height), ".", color=colour, alpha=0.5)
            error = (single_std or {}).get(label, {}).get(name)
            if len(values) > 1:
                error = values.std(ddof=1) / np.sqrt(len(values))
            axes.errorbar(
                [values.mean()], [height], xerr=error, fmt=marker, color=colour, markersize=6,
                capsize=3, label=named,
            )  # fmt: skip
            named = None
    _score_axis(axes, names)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=1)
    return figure


def heat_map(matrix: np.ndarray, rows: Sequence[str], columns: Sequence[str], unit: str) -> Figure:
    """A matrix of numbers >= 0 as coloured squares, with the numbers where there is room.

    Args:
        matrix: (rows, columns).
        rows: names, shown at the left.
        columns: names, shown below.
        unit: what the colours measure.
    """
    matrix = np.asarray(matrix, np.float64)
    figure = new_figure(4.3, 1.5 + 0.27 * len(rows))
    axes = figure.subplots()
    top = float(np.nanmax(matrix)) if np.isfinite(matrix).any() else 1.0
    image = axes.imshow(matrix, cmap=HEAT, vmin=0.0, vmax=top or 1.0, aspect="auto")
    if matrix.size <= 160:
        for row, column in np.argwhere(np.isfinite(matrix)):
            value = matrix[row, column]
            axes.text(
                column, row, f"{value:.2f}", ha="center", va="center", fontsize=8,
                color="white" if value > 0.6 * top else INK,
            )  # fmt: skip
    axes.set_xticks(range(len(columns)), shorten(columns), fontsize=9, rotation=20, ha="right")
    axes.set_yticks(range(len(rows)), rows, fontsize=8 if len(rows) > 25 else 9)
    axes.tick_params(length=0, labelcolor=INK)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, aspect=26, pad=0.02)
    bar.set_label(unit, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, labelcolor=FAINT)
    bar.outline.set_visible(False)
    return figure


def _score_axis(axes: Axes, names: Sequence[str]) -> None:
    axes.set_xlim(_LOWEST, _HIGHEST)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(range(len(names)), names)
    axes.grid(False, axis="y")
