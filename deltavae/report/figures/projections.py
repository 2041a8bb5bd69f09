"""Planes through a space of codes, and what they keep of it."""

import numpy as np


def pca_plane(codes: np.ndarray) -> tuple[np.ndarray, float]:
    """The plane that keeps most variance.

    Args:
        codes: (n, k), k >= 2.

    Returns:
        An orthonormal basis (k, 2), and the share of the variance that it keeps, 0 ... 1.
    """
    centred = np.asarray(codes, np.float64) - np.mean(codes, axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    variance = singular**2
    total = variance.sum()
    return directions[:2].T, float(variance[:2].sum() / total) if total > 0 else 0.0


def circle_plane(codes: np.ndarray, angles: np.ndarray) -> tuple[np.ndarray, float]:
    """The plane in which a periodic factor looks most like a circle.

    Least squares predict (cos, sin) of the factor from the codes, with a ridge of a hundredth
    of their mean variance, so that directions in which nothing varies count for nothing; the
    plane is the one that the two columns of weights span, with the orthonormal basis nearest to
    them.

    Args:
        codes: (n, k), k >= 2.
        angles: radians (n,), the symmetry of the factor already multiplied in.

    Returns:
        The basis (k, 2), and R² of the prediction on the odd rows of a fit to the even ones.
    """
    codes = np.asarray(codes, np.float64)
    target = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    mean, offset = codes[::2].mean(axis=0), target[::2].mean(axis=0)
    centred = codes[::2] - mean
    gram = centred.T @ centred
    ridge = 0.01 * np.trace(gram) / len(gram) + np.finfo(np.float64).tiny
    weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), centred.T @ (target[::2] - offset))
    held_out = target[1::2] - offset
    error = held_out - (codes[1::2] - mean) @ weights
    variance = np.sum((target[1::2] - target[1::2].mean(axis=0)) ** 2)
    left, _, right = np.linalg.svd(weights, full_matrices=False)
    return left @ right, float(1.0 - np.sum(error**2) / variance)


def means_plane(codes: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
    """The plane in which the mean codes of a factor's values lie furthest apart.

    Args:
        codes: (n, k), k >= 2.
        values: integers (n,), three different ones or more.

    Returns:
        An orthonormal basis (k, 2), and the share of the variance in that plane that lies
        between the values, 0 ... 1.
    """
    codes = np.asarray(codes, np.float64)
    _, group = np.unique(values, return_inverse=True)
    counts = np.bincount(group)
    means = np.stack([codes[group == i].mean(axis=0) for i in range(len(counts))])
    basis = np.linalg.svd((means - codes.mean(axis=0)) * np.sqrt(counts)[:, None])[2][:2].T
    within = np.sum(((codes - means[group]) @ basis) ** 2)
    total = np.sum(((codes - codes.mean(axis=0)) @ basis) ** 2)
    return basis, float(1.0 - within / total) if total > 0 else 0.0


def axes_by_variance(codes: np.ndarray, most: int) -> np.ndarray:
    """Positions of the `most` codes that vary most, most first."""
    return np.argsort(-np.var(codes, axis=0), kind="stable")[:most]


def mollweide_point(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude (-pi, pi] and latitude [-pi/2, pi/2] of points of S^2, (n, 3)."""
    longitude = np.arctan2(points[:, 1], points[:, 0])
    return longitude, np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))
