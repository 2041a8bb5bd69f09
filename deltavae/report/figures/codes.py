"""Chapters that need codes only: latent maps, and which code carries which factor."""

from collections.abc import Iterator

import numpy as np
from sklearn.metrics import mutual_info_score

from deltavae.errors import UserError
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
from deltavae.report.run_artifacts import Material
from deltavae.report.section import Chapter, Picture
from deltavae.scoring.challenge import importance_matrix

BINS = 20
FITTED = 2000


def latent_chapter(material: Material) -> Chapter:
    """The codes of images, coloured by each factor."""
    chapter = Chapter(
        "latent",
        "Latent maps",
        "A dot is an image, where its posterior is centred; its colour is the value of a factor. "
        "A factor that the code holds makes an orderly picture, a factor on a circle a ring.",
    )
    chapter.add("latent maps", lambda: latent_maps(material))
    return chapter


def carrier_chapter(material: Material) -> Chapter:
    """Importance and mutual information of each code for each factor."""
    chapter = Chapter(
        "carriers",
        "Which code carries which factor",
        "Disentangled codes show one dark square in each column, each in a row of its own. "
        "A factor on a circle needs two codes at least, its sine and cosine.",
    )
    chapter.add("importance", lambda: importance(material))
    chapter.add("mutual information", lambda: information(material))
    return chapter


def colourings(material: Material) -> list[Colouring]:
    """Each factor of the images as colours."""
    data = material.data
    return [
        Colouring(
            name, material.factors[:, i], data.factor_sizes[i],
            tuple(data.value_labels.get(name, ())), name in data.periodic,
        )
        for i, name in enumerate(data.factor_names)
    ]  # fmt: skip


def latent_maps(material: Material) -> Iterator[Picture]:
    """One map a factor, of the kind that the latent space asks for."""
    kind, dim = "", 0
    if material.has("model"):
        kind, dim = type(material.manifold).__name__, material.manifold.dim
    dots = f"{len(material.indices):,} images drawn at random. "
    for colouring in colourings(material):
        name = f"map-{''.join(c if c.isalnum() else '-' for c in colouring.name.lower())}"
        if kind == "Hypersphere" and dim == 1:
            yield Picture(
                name, colouring.name,
                f"{dots}The angle is the code; the radius repeats the factor, to keep dots apart.",
                circle_map(material.locations, colouring),
            )  # fmt: skip
        elif kind == "Hypersphere" and dim == 2:
            yield Picture(
                name, colouring.name,
                f"{dots}The sphere S² from two sides; colours as in the map of the whole sphere.",
                globe(material.locations, colouring),
            )  # fmt: skip
            yield Picture(
                f"{name}-equal-area", f"{colouring.name}, the whole sphere",
                f"{dots}Mollweide's equal-area projection: dots are as dense as on the sphere.",
                equal_area_map(material.locations, colouring),
            )  # fmt: skip
        elif kind == "FlatTorus" and dim == 2:
            yield Picture(
                name, colouring.name,
                f"{dots}The torus as a square: edges with the same arrows are one.",
                torus_square(material.locations, colouring, (0, 1)),
            )  # fmt: skip
        else:
            yield _projected(material, colouring, name, dots)


def _projected(material: Material, colouring: Colouring, name: str, dots: str) -> Picture:
    codes = _embedded(material) if material.has("model") else material.codes
    if codes.shape[1] == 1:
        figure = line_map(codes[:, 0], colouring)
        return Picture(name, colouring.name, f"{dots}The one code against the factor.", figure)
    if colouring.periodic:
        angles = material.data.angles(colouring.name)[colouring.values]
        basis, score = circle_plane(codes, angles * material.data.periodic[colouring.name])
        words = (
            f"{codes.shape[1]} codes on the plane in which {colouring.name} is most like "
            f"a circle, found by least squares; it explains R² = {score:.2f} of its sine and "
            "cosine on images not fitted to."
        )
        names = ("best direction for cos", "best direction for sin")
    elif len(np.unique(colouring.values)) > 2:
        basis, share = means_plane(codes, colouring.values)
        words = (
            f"{codes.shape[1]} codes on the plane in which the means of the values of "
            f"{colouring.name} lie furthest apart; {share:.0%} of the variance in it is between "
            "values, the rest within."
        )
        names = (f"direction 1 of {colouring.name}", f"direction 2 of {colouring.name}")
    else:
        basis, share = pca_plane(codes)
        words = (
            f"{codes.shape[1]} codes projected on their two principal directions, "
            f"{share:.0%} of the variance."
        )
        names = ("principal direction 1", "principal direction 2")
    on_sphere = bool(np.allclose(np.linalg.norm(codes, axis=1), 1.0, atol=1e-3))
    figure = plane_map(codes @ basis, colouring, names, circle=on_sphere)
    return Picture(name, colouring.name, dots + words, figure)


def _embedded(material: Material) -> np.ndarray:
    return np.asarray(material.model.posterior.embed(material.locations))


def importance(material: Material) -> Picture:
    """DCI's importance of each code for each factor."""
    codes, factors = _usable(material)
    half = min(FITTED, len(codes) * 2 // 3)
    matrix, _, accuracy = importance_matrix(
        codes[:half].T, factors[:half].T, codes[half:].T, factors[half:].T
    )
    return Picture(
        "importance", "Importance (DCI)",
        "How much boosted trees that predict a factor (below) rely on a code (left); a column "
        f"sums to 1. Fitted to {half:,} images; the trees are right on {accuracy:.0%} of the "
        f"other {len(codes) - half:,}, in the mean over factors.",
        heat_map(matrix, _names(codes), material.data.factor_names, "", "importance"),
        vector=True,
    )  # fmt: skip


def information(material: Material) -> Picture:
    """Mutual information of each code with each factor, a share of the factor's entropy."""
    codes, factors = _usable(material)
    return Picture(
        "information", "Mutual information",
        f"Of a code (left), cut into {BINS} equal bins, with a factor (below), as a share of the "
        "factor's entropy: 1 would mean that the code alone tells the factor. MIG is the gap "
        "between the two largest of a column, averaged over columns.",
        heat_map(
            mutual_information(codes, factors), _names(codes), material.data.factor_names, "",
            "share of the factor's entropy",
        ),
        vector=True,
    )  # fmt: skip


def mutual_information(codes: np.ndarray, factors: np.ndarray, bins: int = BINS) -> np.ndarray:
    """I(code; factor) / H(factor), (k, f), of binned codes (n, k) and integer factors (n, f)."""
    matrix = np.zeros((codes.shape[1], factors.shape[1]))
    for i, code in enumerate(codes.T):
        binned = np.digitize(code, np.histogram(code, bins)[1][:-1])
        for j, factor in enumerate(factors.T):
            entropy = mutual_info_score(factor, factor)
            matrix[i, j] = mutual_info_score(binned, factor) / entropy if entropy > 0 else 0.0
    return matrix


def _usable(material: Material) -> tuple[np.ndarray, np.ndarray]:
    if len(material.codes) < 30:
        raise UserError("too few images", expected="30 or more", received=len(material.codes))
    if not np.isfinite(material.codes).all():
        raise UserError("codes are not finite")
    return material.codes, material.factors


def _names(codes: np.ndarray) -> list[str]:
    return [f"code {i}" for i in range(codes.shape[1])]
