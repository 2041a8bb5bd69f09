"""Figures of codes: latent maps, and how much each code knows about each factor."""

from collections.abc import Iterator

import numpy as np

from deltavae.errors import UserError
from deltavae.manifolds import FlatTorus, Hypersphere
from deltavae.report.figures.latent_maps import (
    Colouring,
    circle_map,
    equal_area_map,
    globe,
    line_map,
    plane_map,
    torus_square,
)
from deltavae.report.figures.projections import circle_plane, means_plane, pca_plane
from deltavae.report.figures.scores import heat_map
from deltavae.report.section import Picture, Section, file_name
from deltavae.scoring.challenge import importance_matrix
from deltavae.scoring.codes import constant_as_zero
from deltavae.scoring.library_adaptor import library, metric_settings
from deltavae.training.saved_run import Run

NUM_FITTED = 2000


def latent_section(run: Run) -> Section:
    """The codes of images, coloured by each factor."""
    section = Section(
        "latent",
        "Latent maps",
        "Each dot is an image, at the location of its posterior; its colour is the value of a "
        "factor. Where the codes represent a factor, its colours are in order; those of a "
        "periodic factor form a ring.",
    )
    section.add("latent maps", lambda: latent_maps(run))
    return section


def code_factor_section(run: Run) -> Section:
    """Importance and mutual information of each code for each factor."""
    section = Section(
        "codes-and-factors",
        "Codes and factors",
        "Disentangled codes show one dark square in each column, each in another row. A periodic "
        "factor needs at least two codes, its sine and cosine.",
    )
    section.add("importance", lambda: importance(run))
    section.add("mutual information", lambda: information(run))
    return section


def colourings(run: Run) -> list[Colouring]:
    """Each factor of the images as colours."""
    data = run.data
    return [
        Colouring(
            name, run.factors[:, i], data.factor_sizes[i],
            tuple(data.value_labels.get(name, ())),
            tuple(data.angles(name)) if name in data.periodic else (),
        )
        for i, name in enumerate(data.factor_names)
    ]  # fmt: skip


def latent_maps(run: Run) -> Iterator[Picture]:
    """One map per factor, in the projection that suits the latent space."""
    manifold = run.manifold if run.has("model") else None
    sphere = manifold.dim if isinstance(manifold, Hypersphere) else None
    torus = manifold.dim if isinstance(manifold, FlatTorus) else None
    dots = f"{len(run.indices):,} images drawn at random. "
    for colouring in colourings(run):
        name = f"map-{file_name(colouring.name)}"
        if sphere == 1:
            yield Picture(
                name, colouring.name,
                f"{dots}The angle is the code; the radius is the factor, to separate dots.",
                circle_map(run.locations, colouring),
            )  # fmt: skip
        elif sphere == 2:
            yield Picture(
                name, colouring.name,
                f"{dots}The sphere S² from two sides; colours as in the map of the whole sphere.",
                globe(run.locations, colouring),
            )  # fmt: skip
            yield Picture(
                f"{name}-equal-area", f"{colouring.name}, the whole sphere",
                f"{dots}Mollweide's equal-area projection.",
                equal_area_map(run.locations, colouring),
            )  # fmt: skip
        elif torus == 2:
            yield Picture(
                name, colouring.name,
                f"{dots}The torus as a square: opposite edges are identified.",
                torus_square(run.locations, colouring, (0, 1)),
            )  # fmt: skip
        else:
            yield _projected(run, colouring, name, dots)


def _projected(run: Run, colouring: Colouring, name: str, dots: str) -> Picture:
    codes = _embedded(run) if run.has("model") else run.codes
    if codes.shape[1] == 1:
        figure = line_map(codes[:, 0], colouring)
        return Picture(name, colouring.name, f"{dots}The one code against the factor.", figure)
    if colouring.periodic:
        angles = run.data.angles(colouring.name)[colouring.values]
        basis, score = circle_plane(codes, angles * run.data.periodic[colouring.name])
        words = (
            f"{codes.shape[1]} coordinates on the plane in which {colouring.name} is most like "
            f"a circle, found by least squares; R² = {score:.2f} of its sine and cosine on "
            "held-out images."
        )
        names = ("best direction for cos", "best direction for sin")
    elif len(np.unique(colouring.values)) > 2:
        basis, share = means_plane(codes, colouring.values)
        words = (
            f"{codes.shape[1]} coordinates on the plane in which the means of the values of "
            f"{colouring.name} lie furthest apart; {share:.0%} of the variance in it is between "
            "values, the rest within."
        )
        names = (f"direction 1 of {colouring.name}", f"direction 2 of {colouring.name}")
    else:
        basis, share = pca_plane(codes)
        words = (
            f"{codes.shape[1]} coordinates projected on their two principal directions, "
            f"{share:.0%} of the variance."
        )
        names = ("principal direction 1", "principal direction 2")
    on_sphere = bool(np.allclose(np.linalg.norm(codes, axis=1), 1.0, atol=1e-3))
    figure = plane_map(codes @ basis, colouring, names, circle=on_sphere)
    return Picture(name, colouring.name, dots + words, figure)


def _embedded(run: Run) -> np.ndarray:
    return np.asarray(run.model.posterior.embed(run.locations))


def importance(run: Run) -> Picture:
    """DCI's importance of each code for each factor."""
    codes, factors = _usable(run)
    half = min(NUM_FITTED, len(codes) * 2 // 3)
    matrix, _, accuracy = importance_matrix(
        codes[:half].T, factors[:half].T, codes[half:].T, factors[half:].T
    )
    return Picture(
        "importance", "Importance (DCI)",
        "The importance of each code (left) to boosted trees that predict a factor (below); a "
        f"column sums to 1. Fitted to {half:,} images; mean accuracy over factors on the other "
        f"{len(codes) - half:,}: {accuracy:.0%}.",
        heat_map(matrix, code_names(run), run.data.factor_names, "importance"),
        vector=True,
    )  # fmt: skip


def information(run: Run) -> Picture:
    """Mutual information of each code with each factor, divided by the factor's entropy."""
    codes, factors = _usable(run)
    return Picture(
        "information", "Mutual information",
        "Of each code (left), discretised into 20 bins, with a factor (below), divided by the "
        "factor's entropy: 1 means that the code determines the factor. MIG is the difference "
        "of the two largest values of a column, averaged over columns.",
        heat_map(
            mutual_information(codes, factors), code_names(run), run.data.factor_names,
            "mutual information / entropy",
        ),
        vector=True,
    )  # fmt: skip


def mutual_information(codes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """I(code; factor) / H(factor) by disentanglement_lib, codes binned as for MIG.

    Args:
        codes: (n, k).
        factors: integers (n, f).

    Returns:
        (k, f), each in [0, 1]; 0 for a factor with one value.
    """
    utils = library().utils
    with metric_settings("study"):
        binned = utils.make_discretizer(codes.T)
    shared = utils.discrete_mutual_info(binned, factors.T)
    entropy = utils.discrete_entropy(factors.T)
    return np.divide(shared, entropy, out=np.zeros_like(shared), where=entropy > 0)


def _usable(run: Run) -> tuple[np.ndarray, np.ndarray]:
    if len(run.codes) < 30:
        raise UserError("too few images", expected="30 or more", received=len(run.codes))
    if not np.isfinite(run.codes).all():
        raise UserError("codes are not finite")
    return constant_as_zero(run.codes), run.factors


def code_names(run: Run) -> list[str]:
    """One name per code: its number and, of a product's readout, the factor that it belongs to."""
    described = getattr(run.model.readout, "codes", None) if run.has("model") else None
    numbers = range(run.codes.shape[1])
    factors = {code["factor"] for code in described or ()}
    if not described or len(described) != len(numbers) or len(factors) < 2:
        return [f"code {i}" for i in numbers]
    return [
        f"code {i} ({code['kind']} of factor {code['factor'] + 1})"
        for i, code in enumerate(described)
    ]
