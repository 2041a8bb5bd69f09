"""`turntable`: solid objects on a round table, photographed from all around."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from deltavae.data.cache import decoded
from deltavae.data.ground_truth import Factor, GroundTruthData
from deltavae.data.procedural import scene
from deltavae.data.procedural.objects import all_objects

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
ELEVATIONS = (10.0, 22.0, 34.0, 46.0)
NUM_AZIMUTHS = 24


class Turntable(GroundTruthData):
    """9,216 colour images: 24 azimuths x 4 elevations x 12 objects x 8 colours.

    The lamp stands still beside the camera while the table turns, and no object looks the
    same from two sides. The table's front half is light, its rear half dark. Scenes are drawn
    once, in seconds, into 20 MB of layers; colours are put in when images are asked for.
    """

    def __init__(self) -> None:
        objects = all_objects()
        grid = (
            Factor("azimuth", NUM_AZIMUTHS, symmetry=1),
            Factor("elevation", len(ELEVATIONS), labels=tuple(f"{e:g}°" for e in ELEVATIONS)),
            Factor("object", len(objects), labels=tuple(objects)),
            Factor("colour", len(COLOURS), labels=tuple(COLOURS)),
        )
        super().__init__("turntable", grid, (scene.SIZE, scene.SIZE, 3))
        here = Path(__file__).parent
        sources = [here / f"{module}.py" for module in ("solids", "objects", "scene", "turntable")]
        shape = (int(np.prod(self.grid_sizes[:3])), scene.SIZE, scene.SIZE, 4)
        self._layers = decoded("turntable", shape, sources, self._draw)

    def _draw(self) -> Iterator[np.ndarray]:
        for i in range(NUM_AZIMUTHS):
            for elevation in ELEVATIONS:
                camera = scene.Camera(360.0 * i / NUM_AZIMUTHS, elevation)
                yield np.stack([scene.draw(solids, camera) for solids in all_objects().values()])

    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        """The images at `indices`; see the base class."""
        view, colour = np.divmod(np.asarray(indices, np.int64), len(COLOURS))
        return paint(self._layers[view], colour)


def paint(layers: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """Puts colours into layers, in whole numbers.

    Args:
        layers: uint8 (n, height, width, 4), as `scene.draw` makes them.
        colour: positions in `COLOURS` (n,).

    Returns:
        uint8 (n, height, width, 3).
    """
    palette = np.array(list(COLOURS.values()), np.uint16)
    light = layers[..., 3:] * palette[colour][:, None, None, :]
    light >>= 8
    light += layers[..., :3]
    return np.minimum(light, 255, out=light).astype(np.uint8)
