"""Figures of the decoder: reconstructions, samples from the prior, traversals."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from deltavae.data.image_grid import frames, grid, in_rows, pairs
from deltavae.errors import UserError
from deltavae.manifolds.geodesic_paths import Path, along_axes
from deltavae.models.readouts import Readout, RotatedReadout
from deltavae.report.figures.codes import code_names
from deltavae.report.figures.projections import axes_by_variance
from deltavae.report.section import Picture, Section, file_name
from deltavae.training.saved_run import Run

MOST_PATHS, MOST_CIRCLES = 6, 12
NUM_FRAMES = 36
STRIP = 11


def reconstruction_section(run: Run) -> Section:
    """Originals and their reconstructions, and decoded samples from the prior."""
    section = Section(
        "images",
        "Images",
        "Reconstructions show what the codes keep of an image. Samples from the prior show "
        "whether every region of the latent space decodes to an image like those of the data "
        "set.",
    )

    def reconstructions() -> Picture:
        originals = run.data.images(run.indices[:16])
        made = run.reconstruct(originals)
        error = np.mean(np.sum((originals / 255.0 - made) ** 2, axis=(1, 2, 3)))
        return Picture(
            "reconstructions",
            "Originals and reconstructions",
            f"Rows 1 and 3: random images of {run.data.name}. Below each, its reconstruction "
            "from the location of its posterior. Mean squared error, summed over pixels and "
            f"channels: {error:.1f}.",
            grid(pairs(originals, made, 8)),
        )

    def samples() -> Picture:
        return Picture(
            "samples",
            "Samples from the prior",
            "24 points sampled from the prior with seed 0, decoded.",
            grid(in_rows(np.asarray(run.model.sample(24, seed=0)), 8)),
        )

    section.add("reconstructions", reconstructions)
    section.add("samples from the prior", samples)
    return section


def traversal_section(run: Run) -> Section:
    """Paths through the latent space and through the factors, decoded."""
    section = Section(
        "traversals",
        "Traversals",
        "Each sequence decodes points on one path through the latent space. On a closed manifold "
        "paths return to their start, as an azimuth does. Along an axis of a disentangled code "
        "one factor changes and all others stay.",
    )
    section.add("closed paths", lambda: closed_paths(run))
    section.add("traversals along axes", lambda: axis_paths(run))
    section.add("orbits of the factors", lambda: factor_orbits(run))
    return section


def code_axes(run: Run) -> tuple[np.ndarray, list[str]]:
    """The axes of the exported code with the largest variance, and their names.

    Returns:
        Unit vectors (m, ambient_dim), m at most 6, and a name for each: the columns of a rotated
        readout, or the coordinates, which are the codes of the readout `embedding`. Where codes
        are no rotation of the point, as of the readout `angles` or on a manifold that `embed`
        takes elsewhere, the coordinates under names of their own.
    """
    readout = run.model.readout
    ambient = run.manifold.ambient_dim
    axes, names = np.eye(ambient), [f"coordinate {i}" for i in range(ambient)]
    if np.array_equal(run.manifold.embed(run.locations), run.locations):
        if isinstance(readout, RotatedReadout):
            axes, names = readout.matrix.T.astype(np.float64), code_names(run)
        elif readout is None or type(readout) is Readout:
            names = code_names(run)
    chosen = axes_by_variance(run.locations @ axes.T, MOST_PATHS)
    return axes[chosen], [names[i] for i in chosen]


def closed_paths(run: Run) -> Iterator[Picture]:
    """Closed geodesics through the code of one image: an animation, and a row per path."""
    paths = _paths(run, NUM_FRAMES + 1)
    images = run.decode(np.stack([path.points for path in paths]))
    closed = all(path.closed for path in paths)
    what = run.manifold.geodesics_name
    names = ", ".join(path.label for path in paths)
    yield Picture(
        "around-animated",
        f"{what}, in motion" if closed else "Straight lines, in motion",
        f"All start at the code of the same image. Row by row: {names}.",
        # the last frame is the first again
        frames(images[:, :-1], 3 if len(paths) > 2 else len(paths)),
    )
    shown = np.round(np.linspace(0, NUM_FRAMES, STRIP)).astype(int)
    ending = "The last image of each row is its first again. " if closed else ""
    yield Picture(
        "around",
        what,
        f"{ending}Rows from the top: {names}.",
        grid(images[:, shown]),
    )


def axis_paths(run: Run) -> Picture:
    """Traversals of one coordinate of the code at a time."""
    axes, labels = code_axes(run)
    paths = along_axes(run.manifold, run.locations[0], axes, STRIP, labels)
    images = run.decode(np.stack([path.points for path in paths]))
    rows = ", ".join(path.label for path in paths)
    return Picture(
        "axes",
        "Along the axes of the code",
        "Each row varies one coordinate over its range; the others change only as far as the "
        f"manifold requires. Rows from the top: {rows}, those with the largest variance.",
        grid(images),
    )


def factor_orbits(run: Run) -> Iterator[Picture]:
    """Each factor of one image set to all its values: originals and reconstructions."""
    data = run.data
    start = run.factors[0]
    for column, name in enumerate(data.factor_names):
        size = data.factor_sizes[column]
        values = np.unique(np.round(np.linspace(0, size - 1, min(size, 12))).astype(int))
        if len(values) < 2:
            continue
        orbit = np.tile(start, (len(values), 1))
        orbit[:, column] = values
        originals = run.data.images(data.index_of(orbit))
        subset = "" if len(values) == size else f"{len(values)} of its {size} values. "
        yield Picture(
            f"orbit-{file_name(name)}",
            f"{name}, all other factors fixed",
            f"{subset}Originals above, their reconstructions below.",
            grid(np.stack([originals / 255.0, run.reconstruct(originals)])),
        )


def _paths(run: Run, num_points: int) -> list[Path]:
    axes, names = code_axes(run)
    towards = [f"towards {name}" for name in names]
    paths = run.manifold.closed_geodesics(run.locations[0], axes, num_points, towards)
    if not paths:
        raise UserError("the latent space has no path to show", received=run.manifold)
    codes = getattr(run.model.readout, "codes", None) or []
    labels = [path_label(path.label, codes) for path in paths]
    return [
        dataclasses.replace(path, label=label)
        for path, label in zip(paths[:MOST_CIRCLES], labels, strict=False)
    ]


def path_label(label: str, codes: Sequence[Mapping[str, Any]]) -> str:
    """The name of a closed path, with the code that is its angle where there is one.

    Args:
        label: "circle 3" for the third factor of the latent space.
        codes: what each code is, as `Readout.codes`.
    """
    circle = label.removeprefix("circle ")
    if circle.isdigit():
        for i, code in enumerate(codes):
            if code["kind"] == "angle" and code["factor"] == int(circle) - 1:
                return f"code {i} ({label})"
    return label
