"""A camera, a lamp and a round table: draws solids into layers that take a colour later.

The picture of a scene is `plain + tint * colour`: `plain` is what doesn't depend on the body's
colour, `tint` how much light the body sends to each pixel. So a scene is drawn once for all
its colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deltavae.data.procedural.objects import MATERIALS
from deltavae.data.procedural.solids import Rays, Solid, Vector, rotate

SIZE = 64
_RAYS = 2 * SIZE
_DISTANCE = 7.0
_FOCAL = 3.9
_TARGET = (0.0, 0.0, 0.7)
_TABLE_RADIUS = 1.7
_TABLE = (0.70, 0.71, 0.74)
_TABLE_HALVES = ((0.90, 0.88, 0.84), (0.40, 0.42, 0.47))
_BACKDROP = ((0.42, 0.48, 0.58), (0.66, 0.70, 0.76))
_AMBIENT = 0.42
_LAMP = 0.68

Pattern = Callable[[Rays], np.ndarray]


@dataclass(frozen=True)
class Camera:
    """Where the camera stands, as seen by the object, and the lamp that goes with it.

    Attributes:
        azimuth, elevation: of the camera, in degrees.
        lamp: azimuth, relative to the camera's, and elevation of the light, in degrees.
    """

    azimuth: float
    elevation: float
    lamp: tuple[float, float] = (-50.0, 50.0)


def draw(
    solids: Sequence[Solid],
    camera: Camera,
    pattern: Pattern | None = None,
    marked_table: bool = True,
) -> np.ndarray:
    """Draws a scene.

    Args:
        solids: what stands on the table.
        camera: from where.
        pattern: if given, where the body is pale instead of coloured: from points (x, y, z)
            to booleans.
        marked_table: whether the table is light in front of the object and dark behind it,
            or of one shade.

    Returns:
        uint8 (64, 64, 4): `plain` and, last, `tint`; the picture is
        plain + tint * colour / 256.
    """
    back = rotate((1.0, 0.0, 0.0), camera.azimuth, camera.elevation)
    right = rotate((0.0, 1.0, 0.0), camera.azimuth)
    up = rotate((0.0, 0.0, 1.0), camera.azimuth, camera.elevation)
    lamp = rotate((1.0, 0.0, 0.0), camera.azimuth + camera.lamp[0], camera.lamp[1])
    eye = tuple(t + _DISTANCE * b for t, b in zip(_TARGET, back, strict=True))
    steps = (np.arange(_RAYS) + 0.5) / (0.5 * _RAYS) - 1.0
    across, down = np.broadcast_arrays(steps[None, :], steps[:, None])
    direction = tuple((across * right[i] - down * up[i]) / _FOCAL - back[i] for i in range(3))

    plain = [
        a + (b - a) * (0.5 + 0.5 * down) for a, b in zip(_BACKDROP[0], _BACKDROP[1], strict=True)
    ]
    tint = np.zeros((_RAYS, _RAYS))
    halves = _TABLE_HALVES if marked_table else (_TABLE, _TABLE)
    _draw_table(plain, eye, direction, halves, _shadow_of(solids, lamp))
    depth = np.full((_RAYS, _RAYS), np.inf)
    for solid in solids:
        window = _window(solid, eye, (back, right, up))
        rays = tuple(d[window] for d in direction)
        entry, inside, normal = solid.hit(eye, rays)
        seen = inside & (entry < depth[window])
        depth[window][seen] = entry[seen]
        rays = tuple(d[seen] for d in rays)
        point = tuple(e + entry[seen] * d for e, d in zip(eye, rays, strict=True))
        light, gloss = _shade(point, tuple(n[seen] for n in normal), rays, lamp)
        coloured = np.full(len(light), solid.material == "body")
        if pattern is not None:
            coloured &= ~pattern(point)
        tint[window][seen] = np.where(coloured, light, 0.0)
        for channel, value in zip(plain, MATERIALS[solid.material], strict=True):
            channel[window][seen] = np.where(coloured, 0.0, value * light) + gloss
    return np.stack([_quantise(c) for c in (*plain, tint)], axis=-1)


def _window(solid: Solid, eye: Vector, frame: tuple[Vector, Vector, Vector]) -> tuple:
    """The slices of the ray grid outside which the solid can't be seen."""
    offset = [c - e for c, e in zip(solid.centre, eye, strict=True)]
    depth, u, v = (sum(o * f for o, f in zip(offset, axis, strict=True)) for axis in frame)
    scale = _FOCAL * 0.5 * _RAYS / (-depth)
    reach = _FOCAL * 0.5 * _RAYS * solid.radius / (-depth - solid.radius) + 1.0
    middle = 0.5 * _RAYS

    def limits(centre: float) -> slice:
        low, high = int(centre - reach), int(centre + reach) + 1
        return slice(max(low, 0), max(min(high, _RAYS), 0))

    return limits(middle - v * scale), limits(middle + u * scale)


def _shade(point: Rays, normal: Rays, rays: Rays, lamp: Vector) -> tuple[np.ndarray, np.ndarray]:
    """Light on a surface, 0 .. 1.2, and its gloss: a diffuse lamp, a bright sky, a dim floor."""
    facing = normal[0] * lamp[0] + normal[1] * lamp[1] + normal[2] * lamp[2]
    diffuse = np.maximum(facing, 0.0)
    near_table = np.minimum(0.6 + 0.5 * np.maximum(point[2], 0.0), 1.0)
    sky = _AMBIENT * (0.7 + 0.3 * normal[2]) * near_table
    length = np.sqrt(rays[0] * rays[0] + rays[1] * rays[1] + rays[2] * rays[2])
    half = [w - d / length for w, d in zip(lamp, rays, strict=True)]
    size = np.sqrt(np.maximum(half[0] * half[0] + half[1] * half[1] + half[2] * half[2], 1e-12))
    gloss = np.maximum(
        (normal[0] * half[0] + normal[1] * half[1] + normal[2] * half[2]) / size, 0.0
    )
    for _ in range(5):
        gloss = gloss * gloss
    return sky + _LAMP * diffuse, 0.22 * gloss


def _draw_table(
    plain: list[np.ndarray],
    eye: Vector,
    direction: Rays,
    halves: tuple[Vector, Vector],
    shadow: Callable[[Rays], np.ndarray],
) -> None:
    """Paints the table's disc, with the objects' shadow, into `plain`."""
    distance = -eye[2] / np.where(direction[2] < -1e-9, direction[2], -1e-9)
    x, y = (eye[i] + distance * direction[i] for i in range(2))
    square = x * x + y * y
    on_table = square < _TABLE_RADIUS**2
    x, y, square = x[on_table], y[on_table], square[on_table]
    rim = square > (_TABLE_RADIUS - 0.07) ** 2
    light = np.where(shadow((x, y, np.zeros_like(x))), 0.55, 1.0) * np.where(rim, 0.8, 1.0)
    for channel, front, rear in zip(plain, *halves, strict=True):
        channel[on_table] = np.where(x > 0.0, front, rear) * light


def _shadow_of(solids: Sequence[Solid], lamp: Vector) -> Callable[[Rays], np.ndarray]:
    """A function that says which points (x, y, z) the solids hide from the lamp."""

    def shadow(spot: Rays) -> np.ndarray:
        dark = np.zeros(len(spot[0]), bool)
        for solid in solids:
            offset = [c - s for c, s in zip(solid.centre, spot, strict=True)]
            along = offset[0] * lamp[0] + offset[1] * lamp[1] + offset[2] * lamp[2]
            square = offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2]
            reach = solid.radius * solid.radius
            near = np.nonzero(~dark & (square - along * along < reach))[0]
            towards = tuple(np.full(len(near), w) for w in lamp)
            dark[near] = solid.hit([s[near] for s in spot], towards)[1]
        return dark

    return shadow


def _quantise(values: np.ndarray) -> np.ndarray:
    """Averages 2 x 2 rays to a pixel and rounds to 0 .. 255."""
    rows = values[0::2] + values[1::2]
    mean = (rows[:, 0::2] + rows[:, 1::2]) * 0.25
    return np.clip(mean * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
