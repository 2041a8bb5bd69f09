"""Paths through a latent space that fit its shape, as points for the decoder to turn to images.

The paths that a space has of its own come from `Manifold.closed_geodesics` and
`Manifold.along_axis`; here is what these are made of, in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deltavae.errors import UserError

if TYPE_CHECKING:
    from deltavae.manifolds.base import Manifold


@dataclass(frozen=True)
class Path:
    """A curve on a manifold.

    Attributes:
        label: what it is, in a few words.
        points: (n, ambient_dim), the first at the code it starts from.
        closed: the last point is the first again.
    """

    label: str
    points: np.ndarray
    closed: bool


def great_circle(point: np.ndarray, direction: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Points cos(angle) p + sin(angle) u, with u the unit tangent at p nearest to `direction`.

    Args:
        point: p, of norm 1, (k,).
        direction: any vector (k,) that is not a multiple of p.
        angles: radians (n,).

    Returns:
        (n, k), of norm 1.

    Raises:
        UserError: the direction is radial, so that no circle is singled out.
    """
    tangent = _unit_tangent(point, direction)
    if tangent is None:
        raise UserError("no great circle in that direction", received="a radial direction")
    return np.outer(np.cos(angles), point) + np.outer(np.sin(angles), tangent)


def _unit_tangent(point: np.ndarray, direction: np.ndarray) -> np.ndarray | None:
    """The unit tangent at a point of the sphere that is nearest to a direction.

    None where the direction is radial up to the rounding of float32, in which points come.
    """
    point = point / max(float(np.linalg.norm(point)), np.finfo(np.float64).tiny)
    tangent = direction - (direction @ point) * point
    length = float(np.linalg.norm(tangent))
    return tangent / length if length > 1e-6 * float(np.linalg.norm(direction)) else None


def rotation_subgroup(quaternion: np.ndarray, axis: int, angles: np.ndarray) -> np.ndarray:
    """Unit quaternions q exp(angle/2 * e_axis): the rotation q, then turns about its own axis.

    Args:
        quaternion: (w, x, y, z), of norm 1.
        axis: 0, 1 or 2.
        angles: radians (n,); 2 pi gives -q, which is the same rotation.
    """
    unit = np.zeros(4)
    unit[1 + axis] = 1.0
    return np.outer(np.cos(angles / 2), quaternion) + np.outer(
        np.sin(angles / 2), _quaternion_product(quaternion, unit)
    )


def _quaternion_product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    scalar = a[0] * b[0] - a[1:] @ b[1:]
    return np.concatenate([[scalar], a[0] * b[1:] + b[0] * a[1:] + np.cross(a[1:], b[1:])])


def to_and_fro(num_points: int, reach: float) -> np.ndarray:
    """Go from 0 to `reach`, back to -`reach`, and to 0 again: an animation without jumps."""
    return reach * np.sin(np.linspace(0.0, 2.0 * np.pi, num_points))


def great_circles(
    point: np.ndarray, directions: np.ndarray, angles: np.ndarray, labels: Sequence[str]
) -> list[Path]:
    """One great circle per direction that is not radial."""
    return [
        Path(label, great_circle(point, direction, angles), True)
        for label, direction in zip(labels, directions, strict=True)
        if _unit_tangent(point, direction) is not None
    ]


def along_axes(
    manifold: Manifold, point: np.ndarray, axes: np.ndarray, num_points: int, labels: Sequence[str]
) -> list[Path]:
    """Vary one coordinate of the code at a time; see `Manifold.along_axis`.

    Args:
        manifold: the latent space.
        point: (ambient_dim,).
        axes: the code's axes, orthonormal, (m, ambient_dim).
        num_points: points on each path.
        labels: one per axis.

    Returns:
        One path per axis; an axis along which there is none is left out.
    """
    point = np.asarray(point, np.float64)
    paths = []
    for axis, label in zip(axes, labels, strict=True):
        points = manifold.along_axis(point, np.asarray(axis, np.float64), num_points)
        if points is not None:
            paths.append(Path(label, points, False))
    return paths
