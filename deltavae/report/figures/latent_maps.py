"""Latent maps: where the codes of images lie, coloured by a factor of variation."""

from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, Colormap, Normalize
from matplotlib.figure import Figure

from deltavae.report.figures.projections import mollweide_point
from deltavae.report.figures.style import (
    CYCLIC,
    FAINT,
    GRID,
    INK,
    SEQUENTIAL,
    bare,
    categorical,
    new_figure,
    plain,
    shorten,
)


@dataclass(frozen=True)
class Colouring:
    """A factor as colours: cyclic, categorical or sequential.

    Args:
        name: of the factor.
        values: its value for each point, integers (n,) below `size`.
        size: how many values it has.
        labels: what the values mean, or empty.
        angles: of each value in radians, where the factor lies on a circle; or empty.
    """

    name: str
    values: np.ndarray
    size: int
    labels: tuple[str, ...] = ()
    angles: tuple[float, ...] = ()

    @property
    def periodic(self) -> bool:
        """Whether the factor lies on a circle."""
        return bool(self.angles)

    @property
    def shades(self) -> np.ndarray:
        """What `scale` maps to the colour of each point: its value, on a circle in turns."""
        if self.periodic:
            return np.asarray(self.angles)[self.values] / (2 * np.pi) % 1.0
        return self.values

    @property
    def is_categorical(self) -> bool:
        """Few values, with names that are no numbers."""
        named = bool(self.labels) and not any(label[:1].isdigit() for label in self.labels)
        return named and self.size <= 8 and not self.periodic

    def scale(self) -> tuple[Colormap, Normalize]:
        """The colour map and what maps a value into it."""
        if self.is_categorical:
            return categorical(self.size, self.labels), BoundaryNorm(
                np.arange(self.size + 1) - 0.5, self.size
            )
        if self.periodic:
            return CYCLIC, Normalize(0, 1)
        return SEQUENTIAL, Normalize(0, max(1, self.size - 1))


def circle_map(codes: np.ndarray, colouring: Colouring) -> Figure:
    """S^1: codes (n, 2) on their circle, each on a ring of its own factor value.

    The radius, from inside out, repeats the factor, so that points of one angle don't hide
    each other.
    """
    figure = new_figure(4.3, 3.5)
    axes = bare(figure.subplots())
    radius = 1.0 + 0.35 * colouring.values / max(1, colouring.size - 1)
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color=FAINT, linewidth=1)
    angle = np.arctan2(codes[:, 1], codes[:, 0])
    _dots(figure, axes, radius * np.cos(angle), radius * np.sin(angle), colouring)
    for quarter, label in enumerate(("0", "π/2", "π", "−π/2")):
        x, y = np.cos(quarter * np.pi / 2), np.sin(quarter * np.pi / 2)
        axes.text(0.84 * x, 0.84 * y, label, ha="center", va="center", fontsize=9, color=FAINT)
    return figure


def globe(codes: np.ndarray, colouring: Colouring) -> Figure:
    """S^2 as seen from two opposite sides, codes (n, 3): the half y < 0 left, y > 0 right.

    Without a legend, which `equal_area_map` has: the globes are wide.
    """
    figure = new_figure(4.3, 2.4)
    sides = figure.subplots(1, 2)
    for axes, sign, title in zip(sides, (-1, 1), ("seen from −y", "seen from +y"), strict=True):
        bare(axes)
        axes.set_title(title, fontsize=9, color=FAINT)
        _graticule(axes)
        near = sign * codes[:, 1] >= 0
        part = replace(colouring, values=colouring.values[near])
        # east to the right on either side
        _scatter(axes, -sign * codes[near, 0], codes[near, 2], part)
    return figure


def equal_area_map(codes: np.ndarray, colouring: Colouring) -> Figure:
    """S^2 whole, in Mollweide's projection: equal areas stay equal; codes (n, 3)."""
    figure = new_figure(4.3, 2.4)
    axes = figure.add_subplot(projection="mollweide")
    axes.grid(color=GRID, linewidth=0.7)
    axes.tick_params(labelsize=7, labelcolor=FAINT)
    axes.set_xticks(np.radians(np.arange(-120, 121, 60)), [""] * 5)
    axes.set_yticks(np.radians([-60, -30, 0, 30, 60]))
    longitude, latitude = mollweide_point(codes)
    _dots(figure, axes, longitude, latitude, colouring)
    return figure


def torus_square(codes: np.ndarray, colouring: Colouring, circles: tuple[int, int]) -> Figure:
    """Two circles of a torus as a square: arrows mark the edges that are the same.

    Args:
        codes: adjacent pairs (cos, sin), (n, 2 k).
        colouring: the factor.
        circles: which two of the k.
    """
    angles = np.arctan2(codes[:, 1::2], codes[:, 0::2])
    names = [f"angle of circle {i + 1}" for i in circles]
    figure = new_figure(4.3, 3.5)
    axes = plain(figure.subplots(), "", *names)
    axes.set_aspect("equal")
    axes.set_xlim(-np.pi, np.pi)
    axes.set_ylim(-np.pi, np.pi)
    ticks, labels = [-np.pi, 0, np.pi], ["−π", "0", "π"]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    for edge in (-np.pi, np.pi):
        axes.plot([0], [edge], ">", color=FAINT, clip_on=False, markersize=7)
        axes.plot([edge], [0.35], "^", color=FAINT, clip_on=False, markersize=7)
        axes.plot([edge], [-0.35], "^", color=FAINT, clip_on=False, markersize=7)
    _dots(figure, axes, angles[:, circles[0]], angles[:, circles[1]], colouring)
    return figure


def plane_map(
    points: np.ndarray, colouring: Colouring, names: tuple[str, str], circle: bool = False
) -> Figure:
    """Codes projected on a plane, (n, 2).

    Args:
        points: the coordinates in the plane.
        colouring: the factor.
        names: of the two directions.
        circle: draw the unit circle that the codes of a sphere lie within.
    """
    figure = new_figure(4.3, 3.5)
    axes = plain(figure.subplots(), "", *names)
    axes.set_aspect("equal", adjustable="datalim")
    if circle:
        turn = np.linspace(0, 2 * np.pi, 200)
        axes.plot(np.cos(turn), np.sin(turn), color=FAINT, linewidth=0.8)
    _dots(figure, axes, points[:, 0], points[:, 1], colouring)
    return figure


def line_map(codes: np.ndarray, colouring: Colouring) -> Figure:
    """One single code, (n,), against the factor."""
    figure = new_figure()
    axes = plain(figure.subplots(), "", colouring.name, "code")
    _scatter(axes, colouring.values, codes, colouring)
    return figure


def _scatter(axes: Axes, x: np.ndarray, y: np.ndarray, colouring: Colouring) -> None:
    colours, norm = colouring.scale()
    size = float(np.clip(9000 / max(1, len(x)), 3, 22))
    axes.scatter(
        x, y, c=colouring.shades, cmap=colours, norm=norm, s=size, linewidths=0, alpha=0.9
    )


def _dots(figure: Figure, axes: Axes, x: np.ndarray, y: np.ndarray, colouring: Colouring) -> None:
    _scatter(axes, x, y, colouring)
    _legend(figure, [axes], colouring)


def _legend(figure: Figure, axes: list[Axes], colouring: Colouring) -> None:
    if not len(axes[0].collections):
        return
    bar = figure.colorbar(axes[0].collections[-1], ax=axes, shrink=0.85, aspect=22, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2, labelcolor=INK)
    unit = ", turns" if colouring.periodic else ""
    bar.set_label(f"{colouring.name}{unit}", fontsize=9, color=INK)
    if colouring.periodic:
        bar.set_ticks([0, 0.25, 0.5, 0.75, 1], labels=["0", "¼", "½", "¾", "1 = 0"])
    elif colouring.labels and colouring.size <= 16:
        bar.set_ticks(range(colouring.size), labels=shorten(colouring.labels))
    elif colouring.size <= 8:
        bar.set_ticks(range(colouring.size))


def _graticule(axes: Axes) -> None:
    """The meridians and parallels, each 30 degrees, of a globe seen from the side."""
    along = np.linspace(-np.pi / 2, np.pi / 2, 60)
    for angle in np.radians(np.arange(-90, 91, 30)):
        axes.plot(np.cos(along) * np.sin(angle), np.sin(along), color=GRID, linewidth=0.7)
        width = np.cos(angle)
        axes.plot([-width, width], [np.sin(angle)] * 2, color=GRID, linewidth=0.7)
