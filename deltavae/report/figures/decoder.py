"""Chapters that need a decoder: reconstructions, samples of the prior, traversals."""

from collections.abc import Iterator

import numpy as np

from deltavae.data.image_grid import frames, grid, in_rows, pairs
from deltavae.errors import UserError
from deltavae.manifolds.paths import Path, along_axes
from deltavae.models.readouts import RotatedReadout
from deltavae.report.figures.projections import axes_by_variance
from deltavae.report.run_artifacts import Material
from deltavae.report.section import Chapter, Picture

MOST_PATHS = 6
NUM_FRAMES = 36
STRIP = 11


def reconstruction_chapter(material: Material) -> Chapter:
    """Originals above their reconstructions, and images decoded from draws of the prior."""
    chapter = Chapter(
        "images",
        "Images",
        "A good reconstruction keeps what matters of an image. A good sample of the prior could "
        "be an image of the set, though no image led to it.",
    )

    def reconstructions() -> Picture:
        originals = material.images(material.indices[:16])
        made = material.reconstruct(originals)
        error = np.mean(np.sum((originals / 255.0 - made) ** 2, axis=(1, 2, 3)))
        return Picture(
            "reconstructions",
            "Originals and reconstructions",
            f"Rows 1 and 3: images of {material.data.name} drawn at random. Below each, what the "
            "decoder makes of the point its posterior is centred on. Squared error, summed over "
            f"pixels and channels, {error:.1f} in the mean of these.",
            grid(pairs(originals, made, 8)),
        )

    def samples() -> Picture:
        return Picture(
            "samples",
            "Samples of the prior",
            "Points drawn from the prior and decoded; seed 0, not chosen.",
            grid(in_rows(np.asarray(material.model.sample(24, seed=0)), 8)),
        )

    chapter.add("reconstructions", reconstructions)
    chapter.add("samples of the prior", samples)
    return chapter


def traversal_chapter(material: Material) -> Chapter:
    """Paths through the latent space and through the factors, decoded."""
    chapter = Chapter(
        "traversals",
        "Traversals",
        "Each sequence moves through the latent space along one path and decodes what it meets. "
        "On a closed space paths return to where they began, as an azimuth does; if a factor "
        "were disentangled, a path would change that factor and nothing else.",
    )
    chapter.add("closed paths", lambda: closed_paths(material))
    chapter.add("traversals along axes", lambda: axis_paths(material))
    chapter.add("orbits of the factors", lambda: factor_orbits(material))
    return chapter


def code_axes(material: Material) -> tuple[np.ndarray, list[str]]:
    """The axes of the exported code that vary most, in the ambient space, and their names.

    Under a rotated readout they are its columns, otherwise coordinates of the ambient space.
    """
    readout = material.model.readout
    ambient = material.manifold.ambient_dim
    axes = np.eye(ambient)
    if isinstance(readout, RotatedReadout) and len(readout.matrix) == ambient:
        axes = readout.matrix.T.astype(np.float64)
    chosen = axes_by_variance(material.locations @ axes.T, MOST_PATHS)
    return axes[chosen], [f"code {i}" for i in chosen]


def closed_paths(material: Material) -> Iterator[Picture]:
    """Around the space through an image's point: an animation, and a strip of each path."""
    paths = _paths(material, NUM_FRAMES + 1)
    images = material.decode(np.stack([path.points for path in paths]))
    closed = all(path.closed for path in paths)
    what = material.manifold.geodesics_name
    names = ", ".join(path.label for path in paths)
    yield Picture(
        "around-animated",
        f"{what}, in motion" if closed else "Straight lines, in motion",
        f"All start from the same image. From the left, row by row: {names}.",
        # the last frame is the first again
        frames(images[:, :-1], 3 if len(paths) > 2 else len(paths)),
    )
    shown = np.round(np.linspace(0, NUM_FRAMES, STRIP)).astype(int)
    ending = "The last image of a row is the first again. " if closed else ""
    yield Picture(
        "around",
        what,
        f"{ending}Rows from above: {names}.",
        grid(images[:, shown]),
    )


def axis_paths(material: Material) -> Picture:
    """One coordinate of the code varied at a time."""
    axes, labels = code_axes(material)
    paths = along_axes(material.manifold, material.locations[0], axes, STRIP, labels)
    images = material.decode(np.stack([path.points for path in paths]))
    return Picture(
        "axes",
        "Along the axes of the code",
        "The picture usual in this field: one coordinate goes from one end to the other, the "
        f"others follow only as the space demands. Rows from above: {', '.join(labels)}, those "
        "that vary most.",
        grid(images),
    )


def factor_orbits(material: Material) -> Iterator[Picture]:
    """Each factor of one image set to all its values: originals above, decoded below."""
    data = material.data
    start = material.factors[0]
    for column, name in enumerate(data.factor_names):
        size = data.factor_sizes[column]
        values = np.unique(np.round(np.linspace(0, size - 1, min(size, 12))).astype(int))
        if len(values) < 2:
            continue
        orbit = np.tile(start, (len(values), 1))
        orbit[:, column] = values
        originals = material.images(data.index_of(orbit))
        some = "" if len(values) == size else f"{len(values)} of its {size} values. "
        yield Picture(
            f"orbit-{''.join(c if c.isalnum() else '-' for c in name.lower())}",
            f"{name}, every other factor held",
            f"{some}Above the originals, below the same images encoded and decoded.",
            grid(np.stack([originals / 255.0, material.reconstruct(originals)])),
        )


def _paths(material: Material, num_points: int) -> list[Path]:
    axes, labels = code_axes(material)
    point = material.locations[0]
    labels = [f"towards {label}" for label in labels]
    paths = material.manifold.closed_geodesics(point, axes, num_points, labels)
    if not paths:
        raise UserError("the latent space has no path to show", received=material.manifold)
    return paths[:MOST_PATHS]
