"""Paths through a latent space that fit its shape, as points for the decoder to turn to images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deltavae.errors import UserError
from deltavae.manifolds import Manifold


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
    tangent = direction - (direction @ point) * point
    length = np.linalg.norm(tangent)
    if length < 1e-6 * max(1.0, float(np.linalg.norm(direction))):
        raise UserError("no great circle in that direction", received="a radial direction")
    return np.outer(np.cos(angles), point) + np.outer(np.sin(angles), tangent / length)


def torus_circle(point: np.ndarray, circle: int, angles: np.ndarray) -> np.ndarray:
    """Point p of a flat torus with circle number `circle` turned by each angle.

    Args:
        point: adjacent pairs (cos, sin), (2 k,).
        circle: which pair, from 0.
        angles: radians (n,).
    """
    moved = np.tile(np.asarray(point, np.float64), (len(angles), 1))
    x, y = point[2 * circle : 2 * circle + 2]
    moved[:, 2 * circle] = np.cos(angles) * x - np.sin(angles) * y
    moved[:, 2 * circle + 1] = np.sin(angles) * x + np.cos(angles) * y
    return moved


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


def around(
    manifold: Manifold,
    point: np.ndarray,
    directions: np.ndarray,
    num_points: int,
    labels: Sequence[str] | None = None,
) -> list[Path]:
    """The closed paths through a point that its space has.

    Great circles on a sphere, half of them (closed as well) on projective space, each circle of
    a torus, turns about three axes in SO(3), the paths of every factor of a product. A flat
    space has no closed paths: there, straight lines of two standard deviations to both sides.

    Args:
        manifold: the latent space.
        point: where the paths begin, (ambient_dim,).
        directions: (m, ambient_dim), wished-for directions, used where the space has no
            circles of its own; radial ones are left out.
        num_points: points on each path, both ends counted.
        labels: of the directions; by default "direction 1" and so on.

    Returns:
        Paths, in the order of the directions or circles.
    """
    point = np.asarray(point, np.float64)
    kind = type(manifold).__name__
    turn = np.linspace(0.0, 2.0 * np.pi, num_points)
    names = labels or [f"direction {i + 1}" for i in range(len(directions))]
    if kind == "FlatTorus":
        return [
            Path(f"circle {i + 1}", torus_circle(point, i, turn), True)
            for i in range(manifold.dim)
        ]
    if kind == "SO3":
        return [
            Path(f"turn about axis {'xyz'[i]}", rotation_subgroup(point, i, turn), True)
            for i in range(3)
        ]
    if kind == "EmbeddedTorus":
        return _torus_of_revolution(manifold, point, turn)
    if kind == "Product":
        return _product_paths(manifold, point, directions, num_points)
    if kind in ("Hypersphere", "RealProjective"):
        turn = turn if kind == "Hypersphere" else turn / 2.0
        radial = np.abs(directions @ point) > (1 - 1e-9) * np.linalg.norm(directions, axis=1)
        return [
            Path(name, great_circle(point, direction, turn), True)
            for name, direction, skip in zip(names, directions, radial, strict=True)
            if not skip
        ]
    if kind == "Euclidean":
        return [
            Path(name, point + np.outer(steps_to_and_fro(num_points, 2.0), _unit(d)), False)
            for name, d in zip(names, directions, strict=True)
        ]
    return _geodesics(manifold, point, directions, num_points, names)


def along_axes(
    manifold: Manifold, point: np.ndarray, axes: np.ndarray, num_points: int, labels: Sequence[str]
) -> list[Path]:
    """The field's usual picture: one coordinate of the code varied, the others following.

    On a sphere the coordinate goes from -1 to 1, and the others shrink as they must: half a
    great circle. In a flat space it goes from -2 to 2, the others standing still. In any other
    space the point is moved by -1 to 1 along the axis and projected back.

    Args:
        manifold: the latent space.
        point: (ambient_dim,).
        axes: the code's axes, orthonormal, (m, ambient_dim).
        num_points: points on each path.
        labels: one an axis.
    """
    point = np.asarray(point, np.float64)
    kind = type(manifold).__name__
    paths = []
    for axis, label in zip(axes, labels, strict=True):
        rest = point - (point @ axis) * axis
        if kind == "Euclidean":
            points = rest + np.outer(np.linspace(-2.0, 2.0, num_points), axis)
        elif kind in ("Hypersphere", "RealProjective"):
            if np.linalg.norm(rest) < 1e-6:
                continue
            angles = np.linspace(-np.pi / 2, np.pi / 2, num_points)
            points = great_circle(_unit(rest), axis, angles)
        else:
            moved = point + np.outer(np.linspace(-1.0, 1.0, num_points), axis)
            points = _numpy(manifold.project(moved.astype(np.float32)))
        paths.append(Path(label, points, False))
    return paths


def steps_to_and_fro(num_points: int, reach: float) -> np.ndarray:
    """0 up to `reach`, back through 0 to -reach, and up to 0 again: an animation without jumps."""
    return reach * np.sin(np.linspace(0.0, 2.0 * np.pi, num_points))


def _product_paths(
    manifold: Any, point: np.ndarray, directions: np.ndarray, num_points: int
) -> list[Path]:
    paths, start = [], 0
    for number, factor in enumerate(manifold.factors):
        part = slice(start, start + factor.ambient_dim)
        start = part.stop
        own = np.eye(factor.ambient_dim)[:2] if factor.dim > 1 else _turned(point[part])
        for path in around(factor, point[part], own, num_points):
            points = np.tile(point, (num_points, 1))
            points[:, part] = path.points
            paths.append(Path(f"factor {number + 1}, {path.label}", points, path.closed))
    return paths


def _torus_of_revolution(manifold: Any, point: np.ndarray, turn: np.ndarray) -> list[Path]:
    c, a = manifold.major_radius, manifold.minor_radius
    u = np.arctan2(point[1], point[0])
    v = np.arctan2(point[2], np.hypot(point[0], point[1]) - c)

    def at(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        ring = c + a * np.cos(v)
        return np.stack([ring * np.cos(u), ring * np.sin(u), a * np.sin(v)], axis=-1)

    return [
        Path("around the axis", at(u + turn, np.full_like(turn, v)), True),
        Path("around the tube", at(np.full_like(turn, u), v + turn), True),
    ]


def _turned(pair: np.ndarray) -> np.ndarray:
    """A direction along the circle at a point of the plane, or the line itself."""
    return np.array([[-pair[1], pair[0]]]) if len(pair) == 2 else np.eye(len(pair))


def _geodesics(
    manifold: Manifold,
    point: np.ndarray,
    directions: np.ndarray,
    num_points: int,
    names: Sequence[str],
) -> list[Path]:
    paths = []
    start = np.tile(point, (num_points, 1)).astype(np.float32)
    for name, direction in zip(names, directions, strict=True):
        tangent = _numpy(manifold.to_tangent(point.astype(np.float32), direction.astype("f4")))
        if np.linalg.norm(tangent) < 1e-6:
            continue
        steps = np.outer(steps_to_and_fro(num_points, np.pi), _unit(tangent)).astype(np.float32)
        paths.append(Path(name, _numpy(manifold.exp(start, steps)), False))
    return paths


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _numpy(tensor: Any) -> np.ndarray:
    return np.asarray(tensor, np.float64)
