"""`sprites`: white shapes on black, on the factor grid of dSprites, cut out on demand."""

import numpy as np
from typing_extensions import override

from deltavae.data.dataset import Factor, GroundTruthData
from deltavae.data.synthetic.solids import sine_cosine

_SIZE = 64
_POSITIONS = 32
_SCALES = 6
_ORIENTATIONS = 40
_RADIUS = 15.5
_SHAPES = ("square", "ellipse", "heart")


class Sprites(GroundTruthData):
    """737,280 images, 64 x 64 x 1: 3 shapes x 6 scales x 40 orientations x 32 x 32 positions.

    Like dSprites in its factors and looks, but the 40 orientations share a full turn evenly,
    so no two of the heart are the same; the ellipse repeats after 20 of them, the square
    after 10. A position is a pixel. Shapes are kept once, on a black field wide enough to cut
    every position from it: 6 MB stand for 3 GB.
    """

    name = "sprites"
    grid = (
        Factor("shape", len(_SHAPES), labels=_SHAPES),
        Factor("scale", _SCALES),
        Factor("orientation", _ORIENTATIONS, symmetry=1),
        Factor("position_x", _POSITIONS),
        Factor("position_y", _POSITIONS),
    )
    image_shape = (_SIZE, _SIZE, 1)

    def __init__(self) -> None:
        super().__init__(self.name, self.grid, self.image_shape)
        field = np.stack(
            [
                _stamp(shape, 0.5 + 0.1 * scale, 360.0 * turn / _ORIENTATIONS)
                for shape in _SHAPES
                for scale in range(_SCALES)
                for turn in range(_ORIENTATIONS)
            ]
        )
        self._windows = np.lib.stride_tricks.sliding_window_view(field, (_SIZE, _SIZE), (1, 2))

    @override
    def images(
        self, indices: np.ndarray, random_state: np.random.RandomState | None = None
    ) -> np.ndarray:
        rest, y = np.divmod(np.asarray(indices, np.int64), _POSITIONS)
        stamp, x = np.divmod(rest, _POSITIONS)
        return self._windows[stamp, _POSITIONS - 1 - y, _POSITIONS - 1 - x][..., None]


def _stamp(shape: str, scale: float, degrees: float) -> np.ndarray:
    """Draw a shape in the middle of a black field of 64 + 31 pixels, uint8 0 or 255."""
    size = _SIZE + _POSITIONS - 1
    steps = (np.arange(size) - 0.5 * (size - 1)) / (_RADIUS * scale)
    sine, cosine = sine_cosine(degrees)
    x = steps[None, :] * cosine - steps[:, None] * sine
    y = -(steps[None, :] * sine + steps[:, None] * cosine)
    if shape == "square":
        inside = np.maximum(np.abs(x), np.abs(y)) < 0.68
    elif shape == "ellipse":
        inside = x * x + 4.0 * y * y < 0.9
    else:
        u, v = 1.3 * x, 1.3 * y + 0.1
        ball = u * u + v * v - 1.0
        inside = ball * ball * ball - u * u * v * v * v < 0.0
    return inside.astype(np.uint8) * np.uint8(255)
