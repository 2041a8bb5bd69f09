"""Learning curves: what the history of a run says, epoch by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deltavae.errors import UserError
from deltavae.report.figures.style import CATEGORIES, FAINT, new_figure, plain

History = Sequence[Mapping[str, Any]]


def column(history: History, name: str) -> np.ndarray:
    """One term of the history by epoch, float64 (epochs,); NaN where it is missing."""
    values = [row.get(name) for row in history]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def curve(history: History, name: str, title: str, unit: str = "nats per image") -> Figure:
    """One term against the epoch.

    Raises:
        UserError: no epoch has a finite value of it.
    """
    return _curves(history, {name: ("-", CATEGORIES[0], "")}, title, unit)


def capacity_curve(history: History) -> Figure:
    """The KL against the capacity C that it is held to, in nats, by epoch."""
    styles = {
        "capacity": ("--", CATEGORIES[5], "capacity C"),
        "kl": ("-", CATEGORIES[0], "KL(posterior ‖ prior)"),
    }
    return _curves(history, styles, "", "nats per image")


def _curves(
    history: History, styles: Mapping[str, tuple[str, str, str]], title: str, unit: str
) -> Figure:
    epochs = column(history, "epoch") + 1
    figure = new_figure()
    axes = plain(figure.subplots(), title, "epoch", unit)
    missing = 0
    for name, (line, colour, label) in styles.items():
        values = column(history, name)
        finite = np.isfinite(values)
        if not finite.any():
            raise UserError(f"no epoch of the history has a finite {name}")
        missing = max(missing, int(np.sum(~finite)))
        axes.plot(
            epochs, np.where(finite, values, np.nan), line, color=colour, label=label or None,
            linewidth=1.8, marker="o" if len(epochs) < 12 else None, markersize=4,
        )  # fmt: skip
        for epoch in epochs[~finite]:
            axes.axvline(epoch, color=CATEGORIES[5], linewidth=0.8, alpha=0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if any(label for _, _, label in styles.values()):
        axes.legend(fontsize=9, frameon=False)
    if missing:
        axes.annotate(
            f"{missing} of {len(epochs)} epochs are not finite (marked)", (0.02, 0.02),
            xycoords="axes fraction", fontsize=8, color=FAINT,
        )  # fmt: skip
    return figure
