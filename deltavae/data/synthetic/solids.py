"""Convex solids and where rays meet them.

Everything is built from additions, products, quotients and square roots of float64 numbers in
a fixed order, which IEEE 754 rounds alike everywhere; sines and cosines are rounded to twelve
digits. So a picture is the same, bit for bit, on every machine.

Rays are given by an origin, three numbers or three arrays, and a direction, three arrays.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Vector = Sequence[float]
Rays = Sequence[np.ndarray]

_FAR = 1e9


def sine_cosine(degrees: float) -> tuple[float, float]:
    """Return sine and cosine of an angle in degrees, rounded to twelve digits."""
    radians = math.radians(degrees)
    return round(math.sin(radians), 12), round(math.cos(radians), 12)


def rotate(vector: Vector, yaw: float = 0.0, pitch: float = 0.0) -> Vector:
    """Turn a vector by `pitch` degrees about y (nose up), then by `yaw` degrees about z."""
    x, y, z = vector
    s, c = sine_cosine(pitch)
    x, z = c * x - s * z, s * x + c * z
    s, c = sine_cosine(yaw)
    return c * x - s * y, s * x + c * y, z


@dataclass(frozen=True)
class Solid:
    """A convex body: an ellipsoid cut by any number of planes, either of which may be missing.

    Attributes:
        material: a name in the table of materials.
        centre, radius: a ball that contains it.
        axes: three rows that map a vector to the space where the ellipsoid is the unit ball
            (a row of zeros makes a cylinder), or None.
        planes: (normal, offset) of the half-spaces normal . (x - centre) <= offset.
    """

    material: str
    centre: Vector
    radius: float
    axes: Sequence[Vector] | None
    planes: tuple[tuple[Vector, float], ...]

    def hit(self, origin: Sequence, direction: Rays) -> tuple[np.ndarray, np.ndarray, Rays]:
        """Find where rays enter.

        Returns:
            entry: distance along each ray, in units of its direction's length.
            inside: whether the ray meets the solid at a positive distance.
            normal: outward unit normal there.
        """
        relative = [o - c for o, c in zip(origin, self.centre, strict=True)]
        entry = np.full(direction[0].shape, -_FAR)
        leave = np.full(direction[0].shape, _FAR)
        normal = [np.zeros(direction[0].shape) for _ in range(3)]
        if self.axes is not None:
            o = [_dot(row, relative) for row in self.axes]
            d = [_dot(row, direction) for row in self.axes]
            a, b, c = np.maximum(_dot(d, d), 1e-12), _dot(o, d), _dot(o, o) - 1.0
            root = b * b - a * c
            meets = root > 0.0
            root = np.sqrt(np.where(meets, root, 0.0))
            entry = np.where(meets, (-b - root) / a, _FAR)
            leave = np.where(meets, (-b + root) / a, -_FAR)
            point = [oi + entry * di for oi, di in zip(o, d, strict=True)]
            normal = [sum(self.axes[row][i] * point[row] for row in range(3)) for i in range(3)]
            length = np.sqrt(np.maximum(_dot(normal, normal), 1e-300))
            normal = [n / length for n in normal]
        for plane, offset in self.planes:
            speed = _dot(plane, direction)
            distance = (offset - _dot(plane, relative)) / np.where(
                np.abs(speed) < 1e-12, 1e-12, speed
            )
            later = (speed < 0.0) & (distance > entry)
            entry[later] = distance[later]
            for component, value in zip(normal, plane, strict=True):
                component[later] = value
            nearer = (speed > 0.0) & (distance < leave)
            leave[nearer] = distance[nearer]
        return entry, (entry < leave) & (entry > 1e-6), tuple(normal)


def _dot(a: Sequence, b: Sequence) -> np.ndarray:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def ellipsoid(
    material: str, centre: Vector, radii: Vector, yaw: float = 0.0, pitch: float = 0.0
) -> Solid:
    """Make an ellipsoid with semi-axes `radii` along x, y, z before it is turned."""
    units = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    axes = tuple(
        tuple(v / r for v in rotate(unit, yaw, pitch))
        for unit, r in zip(units, radii, strict=True)
    )
    return Solid(material, centre, max(radii), axes, ())


def box(
    material: str, centre: Vector, half: Vector, yaw: float = 0.0, pitch: float = 0.0
) -> Solid:
    """Make a box with half-lengths `half` along x, y, z before it is turned."""
    planes = []
    for i in range(3):
        unit = [0.0, 0.0, 0.0]
        unit[i] = 1.0
        towards = rotate(tuple(unit), yaw, pitch)
        planes += [(towards, half[i]), (tuple(-v for v in towards), half[i])]
    return Solid(material, centre, math.sqrt(sum(h * h for h in half)), None, tuple(planes))


def profile(
    material: str, corners: Sequence[tuple[float, float]], half_width: float, y: float = 0.0
) -> Solid:
    """Thicken a convex outline in the x-z plane, corners anticlockwise, along y."""
    cx = sum(x for x, _ in corners) / len(corners)
    cz = sum(z for _, z in corners) / len(corners)
    planes = [((0.0, 1.0, 0.0), half_width), ((0.0, -1.0, 0.0), half_width)]
    for (x0, z0), (x1, z1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        nx, nz = z1 - z0, x0 - x1
        length = math.sqrt(nx * nx + nz * nz)
        nx, nz = nx / length, nz / length
        planes.append(((nx, 0.0, nz), nx * (x0 - cx) + nz * (z0 - cz)))
    reach = max((x - cx) ** 2 + (z - cz) ** 2 for x, z in corners)
    radius = math.sqrt(reach + half_width * half_width)
    return Solid(material, (cx, y, cz), radius, None, tuple(planes))


def cylinder(
    material: str,
    centre: Vector,
    radius: float,
    half_length: float,
    yaw: float = 0.0,
    pitch: float = 0.0,
) -> Solid:
    """Make a cylinder along x before it is turned: yaw 90: along y, pitch 90: standing."""
    along = rotate((1.0, 0.0, 0.0), yaw, pitch)
    across = rotate((0.0, 1.0, 0.0), yaw, pitch)
    up = rotate((0.0, 0.0, 1.0), yaw, pitch)
    axes = (
        (0.0, 0.0, 0.0),
        tuple(v / radius for v in across),
        tuple(v / radius for v in up),
    )
    planes = ((along, half_length), (tuple(-v for v in along), half_length))
    reach = math.sqrt(radius * radius + half_length * half_length)
    return Solid(material, centre, reach, axes, planes)


def cone(
    material: str,
    base: Vector,
    radius: float,
    length: float,
    tip_radius: float = 0.0,
    yaw: float = 0.0,
    pitch: float = 0.0,
    sides: int = 10,
) -> Solid:
    """Make a pyramid of many sides from `base` along x before it is turned."""
    slope = (radius - tip_radius) / length
    scale = math.sqrt(1.0 + slope * slope)
    half = 0.5 * length
    mean = 0.5 * (radius + tip_radius)
    along = rotate((1.0, 0.0, 0.0), yaw, pitch)
    planes = [(along, half), (tuple(-v for v in along), half)]
    for k in range(sides):
        s, c = sine_cosine(360.0 * k / sides)
        normal = rotate((slope / scale, c / scale, s / scale), yaw, pitch)
        planes.append((normal, mean / scale))
    centre = tuple(b + half * a for b, a in zip(base, along, strict=True))
    reach = math.sqrt(half * half + 1.2 * radius * radius)
    return Solid(material, centre, reach, None, tuple(planes))
