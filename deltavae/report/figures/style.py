"""Colours, fonts and axes of all figures; colours are told apart by the colour-blind."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure

# Okabe and Ito, Color Universal Design (2008), without the yellow that vanishes on white.
CATEGORIES = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#8C8C8C",
)  # fmt: skip
# values that are colours are drawn in them
_NAMED = {
    "red": "#D55E00", "orange": "#E69F00", "yellow": "#DCC81E", "green": "#009E73",
    "turquoise": "#56B4E9", "blue": "#0072B2", "violet": "#4B2E83", "pink": "#CC79A7",
    "black": "#000000", "grey": "#8C8C8C",
}  # fmt: skip
INK, FAINT, GRID = "#1d2733", "#5d6b79", "#d8dee4"
# Unlike twilight it has no near-white part; lightness and the blue-orange axis, a quarter turn
# apart, each go once around, so that no two angles look alike.
CYCLIC = LinearSegmentedColormap.from_list(
    "around", ["#1f1a3d", "#0072B2", "#c9c2b0", "#D9662B", "#1f1a3d"]
)
SEQUENTIAL = LinearSegmentedColormap.from_list(
    "sequential", colormaps["viridis"](np.linspace(0.0, 0.92, 64))
)
HEAT = colormaps["Blues"]


def categorical(size: int, labels: Sequence[str] = ()) -> Colormap:
    """Colours for at most eight categories; where all labels name colours, colours like those."""
    if labels and all(label in _NAMED for label in labels):
        return ListedColormap([_NAMED[label] for label in labels])
    return ListedColormap(list(CATEGORIES[:size]))


def new_figure(width: float = 4.3, height: float = 2.9) -> Figure:
    """A white figure, size in inches, with constrained layout and without pyplot's state."""
    return Figure(figsize=(width, height), layout="constrained", facecolor="white")


def plain(axes: Axes, title: str = "", x: str = "", y: str = "") -> Axes:
    """Thin lines, a faint grid, labels of a readable size; returns the axes."""
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_xlabel(x, fontsize=10, color=INK)
    axes.set_ylabel(y, fontsize=10, color=INK)
    axes.tick_params(labelsize=9, colors=FAINT, labelcolor=INK)
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    return axes


def bare(axes: Axes, title: str = "") -> Axes:
    """Equal scales and no frame, for maps without coordinates."""
    axes.set_title(title, fontsize=11, color=INK, loc="left")
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


def shorten(labels: Sequence[str], longest: int = 14) -> list[str]:
    """Labels cut to a length that fits beside a figure."""
    return [label if len(label) <= longest else label[: longest - 1] + "…" for label in labels]
