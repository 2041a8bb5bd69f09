"""D_LSBD: how far a code is from turning when the object turns.

Linear symmetry-based disentanglement asks that a group acting on the images, here a product of
rotations SO(2), one a periodic factor, acts on the codes linearly, each factor of the group in
a subspace of its own. D_LSBD is the dispersion that is left when every code is turned back by
its group element (Tonnaer et al., Quantifying and learning linear symmetry-based
disentanglement, ICML 2022).

As computed here, for one periodic factor with values g at angles a(g), and orbits x (settings
of the factors that are not periodic):

1. v(x, g) = h(x, g) - mean over the factor's own values of h(x, .), the other periodic factors
   held: what in the code the factor moves;
2. u = the first two principal components of all v, each scaled to variance 1/2, so that the
   mean of |u|^2 is 1: the plane in which the group acts, in coordinates where it acts by
   rotations;
3. D_w = mean over orbits x of the dispersion of R(-w a(g)) u(x, g) over the orbit,
   which is 1 - mean over x of |mean over g of R(-w a(g)) u(x, g)|^2;
4. D_LSBD = the least D_w over the integers 1 <= |w| <= 10.

This is an upper bound to the definition's infimum over representations. 0 is optimal: the code
turns uniformly, w times a turn, each object from a starting point of its own. A code that the
factor doesn't move, or moves without order, is at 1. With several periodic factors the score is
the mean of theirs.
"""

from __future__ import annotations

import numpy as np

from deltavae.scoring.draws import IndexedData

FREQUENCIES = [w for w in range(-10, 11) if w]
MAX_IMAGES = 20000


def turning_factors(data: IndexedData) -> list[str]:
    """The periodic factors whose values go once round the circle in equal steps, on a grid."""
    if not data.is_grid:
        return []
    return [
        name
        for name, angles in data.angles.items()
        if len(angles) > 2
        and np.allclose(angles, 2 * np.pi * np.arange(len(angles)) / len(angles))
    ]


def orbit_images(data: IndexedData, seed: int = 0) -> np.ndarray:
    """Numbers of the images of whole orbits, (orbits, values of each turning factor).

    All orbits, or as many drawn at random as hold `MAX_IMAGES` images; at least one.
    """
    turning = [data.latent[data.names.index(name)] for name in turning_factors(data)]
    around = np.moveaxis(np.indices([data.sizes[i] for i in turning]), 0, -1)
    others = [i for i in data.latent if i not in turning]
    sizes = [data.sizes[i] for i in others]
    num = int(np.prod(sizes))
    chosen = np.random.RandomState(seed).permutation(num)
    chosen = np.sort(chosen[: max(1, MAX_IMAGES // int(np.prod(around.shape[:-1])))])
    full = np.zeros((len(chosen), *around.shape[:-1], len(data.sizes)), np.int64)
    full[..., turning] = around
    if others:
        settings = np.stack(np.unravel_index(chosen, tuple(sizes)), axis=-1)
        full[..., others] = settings.reshape(len(chosen), *[1] * len(turning), len(others))
    return data.rows(full)


def d_lsbd(codes: np.ndarray, angles: list[np.ndarray]) -> list[float]:
    """D_LSBD of each periodic factor, in [0, 1], 0 the best.

    Args:
        codes: (orbits, n_1, ..., n_p, k) of whole orbits.
        angles: for each of the p factors the group elements of its values, radians; times the
            order of symmetry where a turn repeats the image.

    Returns:
        p numbers; NaN where the code has one dimension only, which no rotation acts on.
    """
    return [_dispersion(codes, axis + 1, turn) for axis, turn in enumerate(angles)]


def _dispersion(codes: np.ndarray, axis: int, angles: np.ndarray) -> float:
    if codes.shape[-1] < 2:
        return float("nan")
    moved = codes.astype(np.float64)
    moved -= moved.mean(axis=axis, keepdims=True)
    flat = moved.reshape(-1, moved.shape[-1])
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    if values[-1] <= 1e-12 * max(1.0, float(np.mean(codes.astype(np.float64) ** 2))):
        return 1.0
    # a direction without variance stays 0 instead of being blown up
    scale = np.where(values[-2:] > 1e-12 * values[-1], values[-2:], np.inf)
    plane = (moved @ vectors[:, -2:]) / np.sqrt(2.0 * scale)
    points = np.moveaxis(plane[..., 0] + 1j * plane[..., 1], axis, -1)
    points = points.reshape(len(codes), -1, len(angles))
    kept = max(
        float(np.mean(np.abs(np.mean(points * np.exp(-1j * w * angles), axis=(1, 2))) ** 2))
        for w in FREQUENCIES
    )
    return max(0.0, 1.0 - kept)
