"""One periodic factor on S^1 and on R^1: where the codes lie, and where the line tears."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Arc, Circle, PathPatch, Rectangle
from matplotlib.path import Path as Outline

from deltavae.data.image_grid import to_rgb
from deltavae.errors import UserError
from deltavae.manifolds import Euclidean, Hypersphere
from deltavae.models.diagnostics import winding_number
from deltavae.report.figures.style import CYCLIC, FAINT, GRID, INK, new_figure
from deltavae.report.section import Picture, Section
from deltavae.training.saved_run import Run

TEAR = "#C1121F"
NUM_DECODED = 12


@dataclass(frozen=True)
class Orbit:
    """The images of one periodic factor, all other factors fixed, and their codes.

    Attributes:
        factor: name of the factor.
        degrees: its value for each image, in degrees (n,).
        images: in the order of the factor, uint8 (n, height, width, channels).
        codes: angles in radians on S^1, coordinates on R^1, (n,).
        path: twelve equally spaced codes: around the circle, or along the part of the line that
            the images take.
        decoded: images decoded from `path`, (12, height, width, channels).
        reconstruction: the last epoch's, nats per image; NaN where the run has no history.
    """

    factor: str
    degrees: np.ndarray
    images: np.ndarray
    codes: np.ndarray
    path: np.ndarray
    decoded: np.ndarray
    reconstruction: float

    @property
    def colours(self) -> np.ndarray:
        """RGBA by the value of the factor, (n, 4)."""
        return CYCLIC(self.degrees / 360.0 % 1.0)


def orbit(run: Run) -> Orbit:
    """Encode the orbit of the run's first periodic factor, and decode along its latent space.

    Raises:
        UserError: the data set has no periodic factor, or the latent space is neither S^1 nor
            R^1.
    """
    data, manifold = run.data, run.manifold
    if not data.periodic:
        raise UserError(f"{data.name} has no periodic factor", expected="turntable_azimuth")
    name = next(iter(data.periodic))
    column = list(data.factor_names).index(name)
    factors = np.zeros((data.factor_sizes[column], len(data.factor_sizes)), np.int64)
    factors[:, column] = np.arange(len(factors))
    images = data.images(data.index_of(factors))
    points = np.asarray(run.locate(images), np.float64)
    if isinstance(manifold, Hypersphere) and manifold.dim == 1:
        codes = np.arctan2(points[:, 1], points[:, 0])
        path = codes[0] + 2 * np.pi * np.arange(NUM_DECODED) / NUM_DECODED
        decoded = run.decode(np.stack([np.cos(path), np.sin(path)], axis=1))
    elif isinstance(manifold, Euclidean) and manifold.dim == 1:
        codes = points[:, 0]
        path = np.linspace(codes.min(), codes.max(), NUM_DECODED)
        decoded = run.decode(path[:, None])
    else:
        raise UserError(
            "the figure compares a circle with a line",
            expected="a latent space S^1 or R^1",
            received=manifold,
        )
    last = (run.get("history", []) or [{}])[-1].get("reconstruction")
    return Orbit(
        name,
        np.degrees(data.angles(name)),
        images,
        codes,
        path,
        decoded,
        np.nan if last is None else float(last),
    )


def circle_and_line_section(circle: Run, line: Run) -> Section:
    """The figure of `circle_and_line` as a section of a page."""
    section = Section(
        "circle-and-line",
        "A circle and a line",
        "Why the latent space has the shape of a closed manifold: a periodic factor fits on a "
        "circle and does not fit on a line.",
    )
    section.add("circle and line", lambda: circle_and_line(circle, line))
    return section


def circle_and_line(circle: Run, line: Run) -> Picture:
    """Both latent spaces with the images on them, and what each decoder makes along them.

    Args:
        circle: a run with the latent space S^1.
        line: a run with the latent space R^1 on the same data set.

    Raises:
        UserError: the runs are not of S^1 and R^1, or their data sets differ.
    """
    for run, kind, expected in ((circle, Hypersphere, "S^1"), (line, Euclidean, "R^1")):
        if not isinstance(run.manifold, kind):
            raise UserError(
                f"{run.dir.path} is not the run that the figure needs",
                expected=f"the latent space {expected}",
                received=run.manifold,
            )
    on_circle, on_line = orbit(circle), orbit(line)
    if not np.array_equal(on_circle.images, on_line.images):
        raise UserError(
            "the two runs are of different images",
            expected=circle.data.name,
            received=line.data.name,
        )
    figure = new_figure(12.0, 6.4)
    figure.set_layout_engine("none")
    _draw_circle(_panel(figure, 0.01, "S¹: a circle", on_circle), on_circle)
    _draw_line(_panel(figure, 0.51, "R¹: a line", on_line), on_line)
    return Picture(
        "circle-and-line",
        f"{on_circle.factor} on a circle and on a line",
        _caption(on_circle, on_line),
        figure,
        wide=True,
    )


def torn_step(orbit: Orbit) -> tuple[int, float]:
    """The largest step between neighbouring images on a line: its first image, and its share of
    the range of the codes."""
    steps = np.abs(np.diff(orbit.codes, append=orbit.codes[:1]))
    return int(np.argmax(steps)), float(steps.max() / np.ptp(orbit.codes))


def _caption(circle: Orbit, line: Orbit) -> str:
    turns = abs(winding_number(circle.codes))
    return (
        f"{len(circle.images)} images that differ in {circle.factor} only, encoded by two models "
        f"that differ in their latent space only. Colour is the {circle.factor}; framed images "
        f"stand at their codes, the others are decoded from {NUM_DECODED} equally spaced codes. "
        f"On the circle one turn of the object is {turns} turn{'s' if turns != 1 else ''} of the "
        "code. A line has no closed path: it tears, here where two neighbouring images lie "
        f"{torn_step(line)[1]:.0%} of the range of the codes apart; red arcs are further steps of "
        "more than a quarter. Reconstruction: negative "
        "log-likelihood per image without its constant, lower is better."
    )


def _panel(figure: Figure, left: float, title: str, orbit: Orbit) -> Axes:
    axes = figure.add_axes((left, 0.01, 0.48, 0.92))
    axes.set_title(title, fontsize=18, color=INK, loc="left", pad=4)
    if np.isfinite(orbit.reconstruction):
        text = f"reconstruction: {orbit.reconstruction:.0f} nats"
        axes.set_title(text, fontsize=13, color=FAINT, loc="right", pad=4)
    axes.set_xlim(-1.6, 1.6)
    axes.set_ylim(-1.6, 1.6)
    axes.set_aspect("equal")
    axes.axis("off")
    return axes


def _image(
    axes: Axes, image: np.ndarray, x: float, y: float, size: float, colour: object = None
) -> None:
    half = size / 2
    box = (x - half, x + half, y - half, y + half)
    axes.imshow(to_rgb(image), extent=box, interpolation="lanczos", zorder=4)
    if colour is not None:
        frame = Rectangle(
            (box[0], box[2]), size, size, fill=False, edgecolor=colour, linewidth=2.4, zorder=5
        )
        axes.add_patch(frame)


def _draw_circle(axes: Axes, orbit: Orbit) -> None:
    axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=GRID, linewidth=7, zorder=1))
    shown = _evenly_around(orbit.codes)
    for image, code, angle, colour in zip(
        orbit.images, orbit.codes, shown, orbit.colours, strict=True
    ):
        x, y = np.cos(code), np.sin(code)
        away = np.array([np.cos(angle), np.sin(angle)])
        axes.plot([x, 1.25 * away[0]], [y, 1.25 * away[1]], color=colour, linewidth=1.4, zorder=2)
        axes.plot(x, y, "o", color=colour, markersize=9, zorder=6)
        _image(axes, image, 1.41 * away[0], 1.41 * away[1], 0.275, colour)
    for angle, image in zip(orbit.path, orbit.decoded, strict=True):
        _image(axes, image, 0.7 * np.cos(angle), 0.7 * np.sin(angle), 0.29)
    _note(axes, 0, 0, "framed: images\nunframed: decoded")


def _evenly_around(angles: np.ndarray) -> np.ndarray:
    """Equally spaced angles in the order of the given ones, as near to them as one turn brings."""
    order = np.argsort(angles, kind="stable")
    even = np.empty(len(angles))
    even[order] = 2 * np.pi * np.arange(len(angles)) / len(angles)
    return even + np.angle(np.mean(np.exp(1j * (angles - even))))


def _draw_line(axes: Axes, orbit: Orbit) -> None:
    low, high = orbit.codes.min(), orbit.codes.max()

    def place(codes: np.ndarray) -> np.ndarray:
        return -1.42 + 2.84 * (codes - low) / (high - low)

    dots, level, count = place(orbit.codes), 0.02, len(orbit.codes)
    axes.plot([-1.56, 1.56], [level, level], color=GRID, linewidth=7, zorder=1)
    rank = np.argsort(np.argsort(dots, kind="stable"))
    columns = np.linspace(-1.42, 1.42, count)[rank]
    first, share = torn_step(orbit)
    second = (first + 1) % count
    for i, (image, x, dot, colour) in enumerate(
        zip(orbit.images, columns, dots, orbit.colours, strict=True)
    ):
        top = level + (0.52, 0.86, 1.2)[rank[i] % 3]
        axes.plot([dot, x, x], [level, level + 0.3, top], color=colour, linewidth=1.4, zorder=2)
        axes.plot(dot, level, "o", color=colour, markersize=9, zorder=6)
        _image(axes, image, x, top, 0.31, colour)
        if i != first:
            step = dots[(i + 1) % count] - dot
            arc = Arc((dot + step / 2, level), abs(step), 0.28, theta1=180, theta2=360)
            broken = abs(step) > 0.25 * np.ptp(dots)
            arc.set(color=TEAR if broken else FAINT, linewidth=1.3, zorder=1)
            axes.add_patch(arc)
    for x, image in zip(place(orbit.path), orbit.decoded, strict=True):
        _image(axes, image, x, level - 0.36, 0.25)
    top, depth = level - 0.54, level - 1.07
    ends = dots[first], dots[second]
    corner = 0.18 * np.sign(ends[1] - ends[0])
    vertices = [
        (ends[0], top), (ends[0], depth + 0.18), (ends[0], depth), (ends[0] + corner, depth),
        (ends[1] - corner, depth), (ends[1], depth), (ends[1], depth + 0.18), (ends[1], top),
    ]  # fmt: skip
    codes = [Outline.MOVETO, Outline.LINETO, Outline.CURVE3, Outline.CURVE3]
    codes += [Outline.LINETO, Outline.CURVE3, Outline.CURVE3, Outline.LINETO]
    bracket = PathPatch(Outline(vertices, codes), fill=False, edgecolor=TEAR)
    bracket.set(linewidth=3, linestyle="--")
    axes.add_patch(bracket)
    apart = "at opposite ends" if share > 0.8 else f"{share:.0%} of the line apart"
    axes.text(
        0, depth - 0.24, f"the tear: {orbit.factor} {orbit.degrees[first]:.0f}° and "
        f"{orbit.degrees[second]:.0f}°,\nneighbouring images {apart}",
        ha="center", va="center", fontsize=14, color=TEAR,
    )  # fmt: skip
    inside = 0.5 * (ends[0] + ends[1]), 0.5 * (top + depth)
    _note(axes, *inside, "framed: images\nunframed: decoded")


def _note(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=13, color=FAINT)
