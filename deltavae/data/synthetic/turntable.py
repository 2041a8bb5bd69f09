"""`turntable`, `turntable_hard`: solid objects on a round table, seen from all around."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.synthetic import scene
from deltavae.data.synthetic.objects import all_objects
from deltavae.data.synthetic.solids import Rays

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (214, 48, 42),
    "orange": (240, 138, 30),
    "yellow": (236, 200, 48),
    "green": (64, 164, 72),
    "turquoise": (42, 168, 170),
    "blue": (48, 94, 204),
    "violet": (134, 76, 186),
    "pink": (232, 120, 168),
}
NUM_AZIMUTHS = 24


def _stripes(point: Rays) -> np.ndarray:
    return np.floor(point[0] * 3.5) % 2 == 1


def _checks(point: Rays) -> np.ndarray:
    return (
        np.floor(point[0] * 3.0) + np.floor(point[1] * 3.0) + np.floor(point[2] * 3.0)
    ) % 2 == 1


_PATTERNS: dict[str, scene.Pattern | None] = {
    "plain": None,
    "striped": _stripes,
    "chequered": _checks,
}
_LAMPS = {
    "left": scene.Lamp(-50.0, 50.0),
    "right": scene.Lamp(55.0, 35.0),
    "above": scene.Lamp(0.0, 80.0),
}


class _Table(ArrayData):
    """Scenes drawn once for all colours, which are the last and fastest factor."""

    def __init__(
        self,
        name: str,
        elevations: Sequence[float],
        lamps: dict[str, scene.Lamp],
        patterns: dict[str, scene.Pattern | None],
        marked_table: bool,
    ) -> None:
        objects = all_objects()
        grid = [
            Factor("azimuth", NUM_AZIMUTHS, symmetry=1),
            Factor("elevation", len(elevations), labels=tuple(f"{e:g}°" for e in elevations)),
            Factor("object", len(objects), labels=tuple(objects)),
            Factor("lighting", len(lamps), labels=tuple(lamps)),
            Factor("texture", len(patterns), labels=tuple(patterns)),
            Factor("colour", len(COLOURS), labels=tuple(COLOURS)),
        ]
        grid = [factor for factor in grid if factor.size > 1]

        def blocks() -> Iterator[np.ndarray]:
            for i in range(NUM_AZIMUTHS):
                for elevation in elevations:
                    camera = scene.Camera(360.0 * i / NUM_AZIMUTHS, elevation)
                    for solids in objects.values():
                        layers = scene.draw(
                            solids,
                            camera,
                            tuple(lamps.values()),
                            tuple(patterns.values()),
                            marked_table,
                        )
                        yield _painted(layers).reshape(-1, *picture)

        here = Path(__file__).parent
        sources = [here / f"{module}.py" for module in ("solids", "objects", "scene", "turntable")]
        picture = (scene.SIZE, scene.SIZE, 3)
        count = math.prod(factor.size for factor in grid)
        super().__init__(name, grid, decoded(name, (count, *picture), sources, blocks))


class Turntable(_Table):
    """9,216 colour images: 24 azimuths x 4 elevations x 12 objects x 8 colours.

    The lamp stands still beside the camera while the table turns, and no object looks the
    same from two sides. The table's front half is light, its rear half dark. The whole set
    is drawn in seconds and takes 113 MB.
    """

    def __init__(self) -> None:
        lamps = {"left": _LAMPS["left"]}
        super().__init__("turntable", (10.0, 22.0, 34.0, 46.0), lamps, {"plain": None}, True)


class TurntableHard(_Table):
    """62,208 colour images: 24 azimuths x 3 elevations x 12 objects x 3 lights x 3 textures
    x 8 colours.

    The table is of one shade, so only the object tells its azimuth; it may be striped or
    chequered, and the light comes from three sides. Takes 764 MB.
    """

    def __init__(self) -> None:
        super().__init__("turntable_hard", (10.0, 28.0, 46.0), _LAMPS, _PATTERNS, False)


def _painted(layers: np.ndarray) -> np.ndarray:
    """Puts every colour into layers, in whole numbers.

    Args:
        layers: uint8 (..., height, width, 4), as `scene.draw` makes them.

    Returns:
        uint8 (..., colours, height, width, 3).
    """
    palette = np.array(list(COLOURS.values()), np.uint16)[:, None, None, :]
    layers = layers[..., None, :, :, :]
    light = (layers[..., 3:] * palette) >> 8
    return np.minimum(light + layers[..., :3], 255).astype(np.uint8)
