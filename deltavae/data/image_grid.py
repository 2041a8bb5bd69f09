"""Pictures made of pictures, as plain arrays: no drawing library is needed for them."""

import numpy as np

from deltavae.errors import UserError

WHITE = 255


def to_rgb(images: np.ndarray) -> np.ndarray:
    """Return images (..., height, width, 1 or 3), uint8 or float in [0, 1], as uint8 in colour.

    Floats outside the range, as decoders give them, are clipped.
    """
    images = np.asarray(images)
    if images.shape[-1] not in (1, 3):
        raise UserError("not images", expected="1 or 3 channels", received=images.shape)
    if images.dtype != np.uint8:
        finite = np.nan_to_num(np.asarray(images, np.float32), nan=0.0, posinf=1.0, neginf=0.0)
        images = np.rint(np.clip(finite, 0.0, 1.0) * 255.0).astype(np.uint8)
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images


def grid(images: np.ndarray, gap: int = 2) -> np.ndarray:
    """Return rows and columns of images as one image.

    Args:
        images: (rows, columns, height, width, channels), as `to_rgb` takes them.
        gap: white pixels between neighbours.

    Returns:
        uint8 (height', width', 3).
    """
    images = to_rgb(images)
    rows, columns, height, width, _ = images.shape
    canvas = np.full((rows, height + gap, columns, width + gap, 3), WHITE, np.uint8)
    canvas[:, :height, :, :width] = images.transpose(0, 2, 1, 3, 4)
    whole = canvas.reshape(rows * (height + gap), columns * (width + gap), 3)
    return whole[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def in_rows(images: np.ndarray, columns: int) -> np.ndarray:
    """Put images (n, h, w, c) in rows, white at the end: (rows, columns, h, w, 3)."""
    images = to_rgb(images)
    rows = -(-len(images) // columns)
    whole = np.full((rows * columns, *images.shape[1:]), WHITE, np.uint8)
    whole[: len(images)] = images
    return whole.reshape(rows, columns, *images.shape[1:])


def pairs(originals: np.ndarray, reconstructions: np.ndarray, columns: int) -> np.ndarray:
    """Put reconstructions below their originals: (2 * rows, columns, h, w, 3)."""
    above, below = in_rows(originals, columns), in_rows(reconstructions, columns)
    return np.stack([above, below], axis=1).reshape(-1, *above.shape[1:])


def frames(paths: np.ndarray, columns: int, gap: int = 2) -> np.ndarray:
    """Show sequences of images side by side, as frames.

    Args:
        paths: (sequences, frames, height, width, channels).
        columns: sequences in a row.

    Returns:
        uint8 (frames, height', width', 3).
    """
    return np.stack([grid(in_rows(moment, columns), gap) for moment in np.swapaxes(paths, 0, 1)])
