"""Learning curves: the terms of the objective by epoch."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deltavae.errors import UserError
from deltavae.report.figures.style import CATEGORIES, FAINT, new_figure, plain
from deltavae.report.section import Picture, Section
from deltavae.training.saved_run import Run

History = Sequence[Mapping[str, Any]]
NATS = "nats per image"
CURVES = (
    (
        "reconstruction",
        "Reconstruction",
        NATS,
        "The negative log-likelihood of an image given one sample of its posterior, without the "
        "likelihood's constant.",
    ),
    (
        "loss",
        "Loss",
        NATS,
        "What training minimises: the reconstruction term plus the objective's penalty on the KL.",
    ),
    (
        "log_scale",
        "Scale of the posterior",
        "mean log scale",
        "The mean logarithm of the posterior's scale; for a diffusion posterior, of its "
        "diffusion time t. Lower is narrower.",
    ),
)


def history_section(run: Run) -> Section:
    """KL against the capacity, reconstruction, loss and scale of the posterior, by epoch."""
    section = Section(
        "curves",
        "Learning curves",
        "Means over the training images of each epoch. With a capacity objective the KL should "
        "follow the capacity C closely.",
    )
    if len(run.get("history", [])) == 1:
        section.left_out.append(("lines", "the run has one epoch, so the curves are dots"))
    section.add("KL and capacity", lambda: _capacity(run))
    if any(len(row.get("kl_per_factor") or ()) > 1 for row in run.get("history", [])):
        section.add("KL per factor", lambda: _kl_per_factor(run))
    for name, title, unit, caption in CURVES:
        section.add(title.lower(), functools.partial(_curve, run, name, title, unit, caption))
    return section


def column(history: History, name: str) -> np.ndarray:
    """One term of the history by epoch, float64 (epochs,); NaN where it is missing."""
    values = [row.get(name) for row in history]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def curve(history: History, name: str, title: str, unit: str = NATS) -> Figure:
    """One term against the epoch.

    Raises:
        UserError: no epoch has a finite value of it.
    """
    return _curves(history, {name: ("-", CATEGORIES[0], "")}, title, unit)


def capacity_curve(history: History) -> Figure:
    """The KL and, where the history has one, the capacity C, in nats, by epoch."""
    styles = {
        "capacity": ("--", CATEGORIES[5], "capacity C"),
        "kl": ("-", CATEGORIES[0], "KL(posterior ‖ prior)"),
    }
    if not any("capacity" in row for row in history):
        del styles["capacity"]
    return _curves(history, styles, "", NATS)


def kl_bars(history: History) -> Figure:
    """The KL of each factor of a product by epoch: one bar per epoch, one part per factor.

    Args:
        history: rows whose `kl_per_factor` lists the mean KL of each factor, in nats; rows
            without it have no bar.

    Raises:
        UserError: no row has it.
    """
    rows = [row for row in history if row.get("kl_per_factor")]
    if not rows:
        raise UserError("no epoch of the history has a KL per factor")
    parts = np.array([row["kl_per_factor"] for row in rows], np.float64).T
    epochs = column(rows, "epoch") + 1
    figure = new_figure(4.3, 3.2)
    axes = plain(figure.subplots(), "", "epoch", NATS)
    below = np.zeros(len(epochs))
    for number, part in enumerate(parts):
        height = np.nan_to_num(part)
        axes.bar(
            epochs, height, width=0.86, bottom=below, label=f"factor {number + 1}: {part[-1]:.2f}",
            color=CATEGORIES[number % len(CATEGORIES)],
            hatch="" if number < len(CATEGORIES) else "///", edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        below += height
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    figure.legend(
        *(entries[::-1] for entries in axes.get_legend_handles_labels()),
        fontsize=8, frameon=False, loc="outside right center", title="last epoch, nats",
        title_fontsize=8,
    )  # fmt: skip
    return figure


def _curve(run: Run, name: str, title: str, unit: str, caption: str) -> Picture:
    figure = curve(_rows(run), name, "", unit)
    return Picture(f"curve-{name.replace('_', '-')}", title, caption, figure, vector=True)


def _capacity(run: Run) -> Picture:
    return Picture(
        "curve-kl",
        "KL and capacity",
        "The mean KL from the posterior to the prior, an upper bound on the information that "
        "codes carry about images, and the capacity C that the objective pulls it to, if it has "
        "one.",
        capacity_curve(_rows(run)),
        vector=True,
    )


def _kl_per_factor(run: Run) -> Picture:
    return Picture(
        "kl-per-factor",
        "KL of each factor of the latent space",
        "Each bar is an epoch, each colour a factor of the product. The KL of a product is the "
        "sum over its factors; a factor near 0 nats is not used.",
        kl_bars(_rows(run)),
        vector=True,
    )


def _rows(run: Run) -> list[dict[str, Any]]:
    if not run.history:
        raise UserError("the history is empty")
    return run.history


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
