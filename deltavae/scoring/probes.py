"""Linear probes for periodic factors: what the challenge's axis-aligned scores can't see.

A factor that lives on a circle, such as an azimuth, can't be one number without a cut. The
probe asks whether its (cos, sin) is a linear function of the code.

R² = 1 - sum of squared errors / sum of squared deviations from the mean, over both outputs and
over points that the probe was not fitted to. 1 is optimal; a code that says nothing gives 0 or
a little less.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

HELD_OUT = 0.2
# How far apart cosines and sines of one direction may be by rounding.
_SAME = 1e-9
Split = tuple[np.ndarray, np.ndarray]


def circle(angles: np.ndarray, symmetry: int = 1) -> np.ndarray:
    """(cos, sin) of `symmetry` times the angles (n,), shape (n, 2).

    A factor whose images repeat `symmetry` times a turn is a circle only so.
    """
    return np.stack([np.cos(symmetry * angles), np.sin(symmetry * angles)], axis=-1)


def linear_r2(codes: np.ndarray, targets: np.ndarray, split: Split) -> float:
    """R² on the second part of `split` of a least-squares probe fitted to the first.

    Args:
        codes: (n, k). targets: (n, m).
        split: positions to fit to, positions to test on.

    Returns:
        NaN where the points to test on have one target alone, and so no deviations.
    """
    from sklearn.linear_model import LinearRegression  # here, since most scores need no probe

    fitted, held_out = split
    probe = LinearRegression().fit(codes[fitted].astype(np.float64), targets[fitted])
    truth = targets[held_out]
    if np.ptp(truth, axis=0).max() < _SAME:
        return float("nan")
    error = np.sum((truth - probe.predict(codes[held_out].astype(np.float64))) ** 2)
    return float(1.0 - error / np.sum((truth - truth.mean(axis=0)) ** 2))


def split_images(num: int, random_state: np.random.RandomState) -> Split:
    """A random fifth of `num` points held out."""
    order = random_state.permutation(num)
    cut = max(1, round(HELD_OUT * num))
    return order[cut:], order[:cut]


def split_objects(values: np.ndarray, random_state: np.random.RandomState) -> Split:
    """All points of a random fifth of a factor's two or more values (n,) held out."""
    present = random_state.permutation(np.unique(values))
    held_out = np.isin(values, present[: max(1, round(HELD_OUT * len(present)))])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def object_factor(names: list[str], sizes: list[int], periodic: dict[str, np.ndarray]) -> str:
    """The factor whose values count as objects: one called so, else the largest not periodic."""
    others = [name for name in names if name not in periodic]
    for name in others:
        if any(word in name.lower() for word in ("object", "shape", "instance", "label")):
            return name
    return max(others, key=lambda name: sizes[names.index(name)], default="")


def probe_factors(
    codes: np.ndarray,
    factors: np.ndarray,
    names: list[str],
    sizes: list[int],
    angles: dict[str, np.ndarray],
    symmetries: dict[str, int],
    *,
    seed: int = 0,
    pixels: Callable[[], np.ndarray] | None = None,
) -> dict[str, dict[str, float | str]]:
    """Probes every periodic factor.

    Args:
        codes: (n, k). factors: (n, f) integers, columns named `names` of `sizes` values.
        angles: by periodic factor, the angle in radians of each value.
        symmetries: by periodic factor, how often a turn repeats the image.
        seed: of the splits.
        pixels: makes the flattened images (n, pixels) for the baseline, a PCA of the pixels
            with as many components as the code, fitted to the points that the probe is fitted
            to (at most 2,000 of them); None leaves it out.

    Returns:
        by factor: `images` and `objects`, R² on held-out images and on held-out objects (left
        out where the points are of one object), the same with `pca_` before, and `object_factor`.
        R² is NaN where the held-out points show one value of the factor.
    """
    result: dict[str, dict[str, float | str]] = {}
    things = object_factor(names, sizes, angles)
    flat = pixels() if pixels is not None and angles else None
    for name in angles:
        targets = circle(angles[name][factors[:, names.index(name)]], symmetries[name])
        random_state = np.random.RandomState(seed)
        splits = {"images": split_images(len(codes), random_state)}
        objects = factors[:, names.index(things)] if things else np.zeros(0)
        if len(np.unique(objects)) > 1:
            splits["objects"] = split_objects(objects, random_state)
        scores: dict[str, float | str] = {"object_factor": things}
        for kind, split in splits.items():
            scores[kind] = linear_r2(codes, targets, split)
            if flat is not None:
                from sklearn.decomposition import PCA

                shown = random_state.permutation(split[0])[:2000]
                size = min(codes.shape[1], *flat[shown].shape)
                pca = PCA(size, svd_solver="randomized", random_state=seed).fit(flat[shown])
                scores[f"pca_{kind}"] = linear_r2(pca.transform(flat), targets, split)
        result[name] = scores
    return result
