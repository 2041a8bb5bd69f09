"""Image files of any mode that Pillow reads, as 64 x 64 pixels of 8 bits."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from deltavae.data.readers import reading
from deltavae.errors import UserError

SIZE = 64
# Modes of one channel; the rest become RGB.
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV")
# Names that image files end in; how they are found in a folder.
SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


def count_channels(path: Path) -> int:
    """Return 1 for a grey image and 3 for one in colour, from the head of the file."""
    with reading(path, None), Image.open(path) as image:
        return 1 if image.mode in _GREY else 3


def read_image(path: Path) -> np.ndarray:
    """Read an image, uint8 (64, 64, 1 or 3), resized with LANCZOS if it has another size.

    It is turned as its EXIF orientation says. Values of 16 bits are scaled from 0 .. 65535,
    palettes looked up, and transparent pixels laid on black.

    Raises:
        UserError: it can't be read, has several frames, isn't square, or is of a mode whose
            range isn't known (32-bit integers, floats, Lab).
    """
    with reading(path, None), Image.open(path) as image:
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a JPEG with a preview beside it
            raise UserError(f"{path} has several frames", expected="one", received=frames)
        grey = image.mode in _GREY
        # Pillow reads 16-bit PGM as "I", scaled to 16 bits.
        wide = image.mode in _SIXTEEN_BITS or (image.mode == "I" and image.format == "PPM")
        if not wide and image.mode not in ("1", "L", "LA", "La", *_COLOUR):
            raise UserError(
                f"pixels of {path} have no known range",
                expected="8 or 16 bits per channel, grey or in colour",
                received=f"mode {image.mode}",
            )
        picture = ImageOps.exif_transpose(image)
        if picture.width != picture.height:
            raise UserError(f"{path} isn't square", received=f"{picture.width} x {picture.height}")
        if wide:
            picture = Image.fromarray(np.asarray(picture, np.float32) * np.float32(255 / 65535))
        elif picture.has_transparency_data:
            laid = Image.new("RGBA", picture.size, "black")
            laid.alpha_composite(picture.convert("RGBA"))
            picture = laid.convert("L" if grey else "RGB")
        else:
            picture = picture.convert("L" if grey else "RGB")
        if picture.size != (SIZE, SIZE):
            picture = picture.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        pixels = np.asarray(picture)
        if wide:
            pixels = np.rint(np.clip(pixels, 0.0, 255.0)).astype(np.uint8)
        return pixels.reshape(SIZE, SIZE, 1 if grey else 3)
