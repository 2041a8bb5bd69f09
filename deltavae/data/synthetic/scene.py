"""A camera, a lamp and a round table: draws solids into layers that take a colour later.

The picture of a scene is `plain + tint * colour`: `plain` is what doesn't depend on the body's
colour, `tint` how much light the body sends to each pixel. So a scene is drawn once for all
its colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from deltavae.data.synthetic.objects import MATERIALS
from deltavae.data.synthetic.solids import Rays, Solid, Vector, rotate

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
    """Where the camera stands, as seen by the object: azimuth and elevation in degrees."""

    azimuth: float
    elevation: float


@dataclass(frozen=True)
class Lamp:
    """Where light comes from: azimuth relative to the camera's, and elevation, in degrees."""

    azimuth: float = -50.0
    elevation: float = 50.0


def draw(
    solids: Sequence[Solid],
    camera: Camera,
    lamps: Sequence[Lamp] = (Lamp(),),
    patterns: Sequence[Pattern | None] = (None,),
    marked_table: bool = False,
) -> np.ndarray:
    """Draw a scene under each lamp and with each pattern on its body.

    Args:
        solids: what stands on the table.
        camera: from where.
        lamps: the lights, one at a time.
        patterns: where the body is pale instead of coloured, from points (x, y, z) to
            booleans; None for nowhere.
        marked_table: whether the table is light in front of the object and dark behind it,
            or of one shade.

    Returns:
        uint8 (lamps, patterns, 64, 64, 4): `plain` and, last, `tint`; the picture is
        plain + tint * colour / 256.
    """
    frame = (
        rotate((1.0, 0.0, 0.0), camera.azimuth, camera.elevation),
        rotate((0.0, 1.0, 0.0), camera.azimuth),
        rotate((0.0, 0.0, 1.0), camera.azimuth, camera.elevation),
    )
    eye = [t + _DISTANCE * b for t, b in zip(_TARGET, frame[0], strict=True)]
    steps = (np.arange(_RAYS) + 0.5) / (0.5 * _RAYS) - 1.0
    across, down = np.broadcast_arrays(steps[None, :], steps[:, None])
    direction = [
        (across * frame[1][i] - down * frame[2][i]) / _FOCAL - frame[0][i] for i in range(3)
    ]
    owner, depth, normal = _trace(solids, eye, direction, frame)
    hit = owner >= 0
    rays = [d[hit] for d in direction]
    point = [e + depth[hit] * d for e, d in zip(eye, rays, strict=True)]
    body = np.array([solid.material == "body" for solid in solids])[owner[hit]]
    paint = np.array([MATERIALS[solid.material] for solid in solids])[owner[hit]]
    coloured = [body if p is None else body & ~p(point) for p in patterns]
    table, on_table = _table(eye, direction, ~hit)
    halves = _TABLE_HALVES if marked_table else (_TABLE, _TABLE)

    result = np.empty((len(lamps), len(patterns), SIZE, SIZE, 4), np.uint8)
    for i, lamp in enumerate(lamps):
        towards = rotate((1.0, 0.0, 0.0), camera.azimuth + lamp.azimuth, lamp.elevation)
        light, gloss = _shade(point, [n[hit] for n in normal], rays, towards)
        on_ground = _table_light(table, _shadow(table, solids, towards))
        for channel in range(3):
            low, high = (_BACKDROP[k][channel] for k in (0, 1))
            picture = low + (high - low) * (0.5 + 0.5 * down)
            shade = np.where(table[0] > 0.0, halves[0][channel], halves[1][channel])
            picture[on_table] = shade * on_ground
            for j, tinted in enumerate(coloured):
                picture[hit] = np.where(tinted, 0.0, paint[:, channel] * light) + gloss
                result[i, j, ..., channel] = _quantise(picture)
        for j, tinted in enumerate(coloured):
            tint = np.zeros((_RAYS, _RAYS))
            tint[hit] = np.where(tinted, light, 0.0)
            result[i, j, ..., 3] = _quantise(tint)
    return result


def _trace(
    solids: Sequence[Solid], eye: Vector, direction: Rays, frame: Sequence[Vector]
) -> tuple[np.ndarray, np.ndarray, Rays]:
    """Find which solid each ray meets first (-1: none), how far away, and the normal there."""
    owner = np.full((_RAYS, _RAYS), -1)
    depth = np.full((_RAYS, _RAYS), np.inf)
    normal = [np.zeros((_RAYS, _RAYS)) for _ in range(3)]
    for index, solid in enumerate(solids):
        window = _window(solid, eye, frame)
        entry, inside, towards = solid.hit(eye, [d[window] for d in direction])
        seen = inside & (entry < depth[window])
        owner[window][seen] = index
        depth[window][seen] = entry[seen]
        for component, value in zip(normal, towards, strict=True):
            component[window][seen] = value[seen]
    return owner, depth, normal


def _window(solid: Solid, eye: Vector, frame: Sequence[Vector]) -> tuple:
    """Return the slices of the ray grid outside which the solid can't be seen."""
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
    """Return light on a surface, 0 .. 1.2, and its gloss.

    The lamp is diffuse, the sky bright, the floor dim.
    """
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


def _table(eye: Vector, direction: Rays, free: np.ndarray) -> tuple[Rays, np.ndarray]:
    """Return the points of the table that are seen, and the mask of the rays that see them."""
    distance = -eye[2] / np.where(direction[2] < -1e-9, direction[2], -1e-9)
    x, y = (eye[i] + distance * direction[i] for i in range(2))
    seen = free & (x * x + y * y < _TABLE_RADIUS * _TABLE_RADIUS)
    return [x[seen], y[seen], np.zeros(int(seen.sum()))], seen


def _table_light(spot: Rays, shadow: np.ndarray) -> np.ndarray:
    rim = spot[0] * spot[0] + spot[1] * spot[1] > (_TABLE_RADIUS - 0.07) ** 2
    return np.where(shadow, 0.55, 1.0) * np.where(rim, 0.8, 1.0)


def _shadow(spot: Rays, solids: Sequence[Solid], lamp: Vector) -> np.ndarray:
    """Find which points the solids hide from the lamp."""
    dark = np.zeros(len(spot[0]), bool)
    for solid in solids:
        offset = [c - s for c, s in zip(solid.centre, spot, strict=True)]
        along = offset[0] * lamp[0] + offset[1] * lamp[1] + offset[2] * lamp[2]
        square = offset[0] * offset[0] + offset[1] * offset[1] + offset[2] * offset[2]
        near = np.nonzero(~dark & (square - along * along < solid.radius * solid.radius))[0]
        towards = [np.full(len(near), w) for w in lamp]
        dark[near] = solid.hit([s[near] for s in spot], towards)[1]
    return dark


def _quantise(values: np.ndarray) -> np.ndarray:
    """Average 2 x 2 rays to a pixel and round to 0 .. 255."""
    rows = values[0::2] + values[1::2]
    mean = (rows[:, 0::2] + rows[:, 1::2]) * 0.25
    return np.clip(mean * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
