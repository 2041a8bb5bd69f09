"""`turntable` and its variants: solid objects on a round table, seen from all around.

One scene is drawn for all colours: the colour is the last and fastest factor.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.dataset import ArrayData, Factor
from deltavae.data.synthetic import scene
from deltavae.data.synthetic.objects import all_objects
from deltavae.data.synthetic.solids import Rays, Solid

Colour = tuple[int, int, int]

COLOURS: dict[str, Colour] = {
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
NUM_HUES = 24


def _hue(step: int) -> Colour:
    """Return a colour of the wheel of equal saturation and value, in whole numbers.

    Each sixth of the wheel changes one channel between 40 and 232 in equal steps.
    """
    sector, within = divmod(step * 6, NUM_HUES)
    rising = 40 + 192 * within // NUM_HUES
    falling = 232 - 192 * within // NUM_HUES
    return (
        (232, rising, 40),
        (falling, 232, 40),
        (40, 232, rising),
        (40, falling, 232),
        (rising, 40, 232),
        (232, 40, falling),
    )[sector]


HUES: dict[str, Colour] = {f"{360 * i // NUM_HUES}°": _hue(i) for i in range(NUM_HUES)}


def _stripes(point: Rays) -> np.ndarray:
    return np.floor(point[0] * 3.5) % 2 == 1


def _checks(point: Rays) -> np.ndarray:
    return (
        np.floor(point[0] * 3.0) + np.floor(point[1] * 3.0) + np.floor(point[2] * 3.0)
    ) % 2 == 1


PATTERNS: dict[str, scene.Pattern | None] = {
    "plain": None,
    "striped": _stripes,
    "chequered": _checks,
}
LAMPS = {
    "left": scene.Lamp(-50.0, 50.0),
    "right": scene.Lamp(55.0, 35.0),
    "above": scene.Lamp(0.0, 80.0),
}
_AZIMUTH = Factor("azimuth", NUM_AZIMUTHS, symmetry=1)
OBJECTS = all_objects()
_OBJECT = Factor("object", len(OBJECTS), labels=tuple(OBJECTS))
_COLOUR = Factor("colour", len(COLOURS), labels=tuple(COLOURS))


def _elevation(degrees: Sequence[float]) -> Factor:
    return Factor("elevation", len(degrees), labels=tuple(f"{e:g}°" for e in degrees))


class _Scenes(ArrayData):
    """Images of scenes, in the order azimuth, elevation, object, lighting, texture, colour.

    A subclass says what each of these takes; `grid` names those that take several values.
    """

    image_shape = (scene.SIZE, scene.SIZE, 3)
    elevations: ClassVar[Sequence[float]] = (22.0,)
    objects: ClassVar[Sequence[Sequence[Solid]]] = tuple(OBJECTS.values())
    lamps: ClassVar[Sequence[scene.Lamp]] = (LAMPS["left"],)
    patterns: ClassVar[Sequence[scene.Pattern | None]] = (None,)
    colours: ClassVar[Mapping[str, Colour]] = COLOURS
    marked_table: ClassVar[bool] = False

    def __init__(self) -> None:
        here = Path(__file__).parent
        sources = [here / f"{module}.py" for module in ("solids", "objects", "scene", "turntable")]
        count = math.prod(factor.size for factor in self.grid)
        shape = (count, scene.SIZE, scene.SIZE, 3)
        super().__init__(self.name, self.grid, decoded(self.name, shape, sources, self._blocks))

    def _blocks(self) -> Iterator[np.ndarray]:
        for i in range(NUM_AZIMUTHS):
            for elevation in self.elevations:
                camera = scene.Camera(360.0 * i / NUM_AZIMUTHS, elevation)
                for solids in self.objects:
                    layers = scene.draw(
                        solids, camera, self.lamps, self.patterns, self.marked_table
                    )
                    images = paint(layers, list(self.colours.values()))
                    yield images.reshape(-1, scene.SIZE, scene.SIZE, 3)


class Turntable(_Scenes):
    """9,216 colour images: 24 azimuths x 4 elevations x 12 objects x 8 colours.

    The lamp stands still beside the camera while the table turns, and no object looks the
    same from two sides. The table is of one shade, so only the object tells its azimuth.
    The whole dataset is drawn in seconds and takes 113 MB.
    """

    name = "turntable"
    elevations = (10.0, 22.0, 34.0, 46.0)
    grid = (_AZIMUTH, _elevation(elevations), _OBJECT, _COLOUR)


class TurntableMarked(Turntable):
    """`turntable` on a table that is light in front of the object and dark behind it.

    The mark makes the azimuth easy: an average of a few pixels nearly tells it.
    """

    name = "turntable_marked"
    marked_table = True


class TurntableAzimuth(_Scenes):
    """24 colour images: the car of `turntable_marked`, in red, from 22°, turning.

    They show what a latent space makes of an angle, and of nothing else.
    """

    name = "turntable_azimuth"
    marked_table = True
    objects = (OBJECTS["car"],)
    colours: ClassVar[Mapping[str, Colour]] = {"red": COLOURS["red"]}
    grid = (_AZIMUTH,)


class TurntableHues(_Scenes):
    """576 colour images: the truck of `turntable` from 22°, in 24 azimuths x 24 hues.

    Both factors are circles, so the images form a torus. The truck's box shows its hue from
    every side, and its front and its back differ.
    """

    name = "turntable_hues"
    objects = (OBJECTS["truck"],)
    colours = HUES
    grid = (_AZIMUTH, Factor("hue", NUM_HUES, symmetry=1, labels=tuple(HUES)))


class TurntableHard(_Scenes):
    """62,208 colour images: 24 azimuths x 3 elevations x 12 objects x 3 lights x 3 textures
    x 8 colours.

    Like `turntable`, but the object may be striped or chequered, and the light comes from
    three sides. Takes 764 MB.
    """

    name = "turntable_hard"
    elevations = (10.0, 28.0, 46.0)
    lamps = tuple(LAMPS.values())
    patterns = tuple(PATTERNS.values())
    grid = (
        _AZIMUTH,
        _elevation(elevations),
        _OBJECT,
        Factor("lighting", len(LAMPS), labels=tuple(LAMPS)),
        Factor("texture", len(PATTERNS), labels=tuple(PATTERNS)),
        _COLOUR,
    )


def paint(layers: np.ndarray, colours: Sequence[Colour]) -> np.ndarray:
    """Put every colour into layers, in whole numbers.

    Args:
        layers: uint8 (..., height, width, 4), as `scene.draw` makes them.
        colours: red, green and blue in 0 .. 255.

    Returns:
        uint8 (..., len(colours), height, width, 3).
    """
    palette = np.array(colours, np.uint16)[:, None, None, :]
    layers = layers[..., None, :, :, :]
    light = (layers[..., 3:] * palette) >> 8
    return np.minimum(light + layers[..., :3], 255).astype(np.uint8)
