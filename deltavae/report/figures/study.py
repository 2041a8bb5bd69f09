"""Figures of a study: scores by setting, and rank correlations of the scores."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

_SEED, _MEAN = "#9aa7b5", "#1b4f8a"


def scores_by_setting(table: pd.DataFrame, names: Sequence[str]) -> Figure:
    """A dot per run of one data set, and a bar at the mean of each setting and readout.

    Args:
        table: rows with `setting`, `readout` and the scores; one row for each run and readout.
        names: of the scores; a panel each.

    Returns:
        A figure with one row for each setting and readout, in the order of the table.
    """
    labels = table["setting"] + " · " + table["readout"]
    order = list(dict.fromkeys(labels))
    height = 0.9 + 0.24 * len(order)
    figure = Figure(figsize=(2.6 + 1.7 * len(names), height), layout="constrained")
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, name in zip(axes, names, strict=True):
        for row, label in enumerate(order):
            values = table.loc[labels == label, name].dropna()
            axis.plot(values, np.full(len(values), row), ".", color=_SEED, markersize=5)
            if len(values):
                axis.plot([values.mean()], [row], "|", color=_MEAN, markersize=11, mew=2)
        axis.set_title(name, fontsize=9)
        axis.grid(axis="x", alpha=0.3)
        axis.tick_params(labelsize=8)
    axes[0].set_yticks(range(len(order)), order)
    axes[0].set_ylim(len(order) - 0.5, -0.5)
    return figure


def correlation_matrix(matrix: pd.DataFrame) -> Figure:
    """Rank correlations of the scores, in [-1, 1], as coloured squares.

    Args:
        matrix: square, its index equal to its columns; missing values stay white.
    """
    size = max(4.3, 1.4 + 0.55 * len(matrix))
    figure = Figure(figsize=(size, size), layout="constrained")
    axis = figure.subplots()
    axis.imshow(matrix.to_numpy(), vmin=-1, vmax=1, cmap="RdBu")
    for row, column in np.argwhere(np.isfinite(matrix.to_numpy())):
        value = matrix.iat[row, column]
        colour = "white" if abs(value) > 0.6 else "black"
        axis.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(len(matrix)), matrix.columns, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(matrix)), matrix.index, fontsize=8)
    return figure
