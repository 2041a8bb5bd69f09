"""Figures and arrays encoded as PNG, SVG, WebP or GIF bytes."""

import io

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image


def figure_png(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    return buffer.getvalue()


def png(content: Figure | np.ndarray) -> bytes:
    """A figure, or uint8 (height, width, 3), as PNG."""
    return figure_png(content) if isinstance(content, Figure) else image_png(content)


def figure_svg(figure: Figure, source: str | None = None) -> bytes:
    """A figure as SVG, text as outlines, the same bytes for the same figure.

    Args:
        figure: what is drawn.
        source: what the file says it was drawn from.
    """
    buffer = io.BytesIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": "deltavae"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Source": source})
    return buffer.getvalue()


def figure_webp(figure: Figure) -> bytes:
    """A figure as lossless WebP, a fraction of the PNG's size."""
    picture = Image.open(io.BytesIO(figure_png(figure))).convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=80)
    return buffer.getvalue()


def image_png(image: np.ndarray) -> bytes:
    """uint8 (height, width, 3) as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def image_webp(image: np.ndarray) -> bytes:
    """uint8 (height, width, 3) as WebP."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=90)
    return buffer.getvalue()


def animation_webp(images: np.ndarray) -> bytes:
    """uint8 (frames, height, width, 3) as an endless animated WebP."""
    return _animation(images, "WEBP", quality=80)


def animation_gif(images: np.ndarray) -> bytes:
    """uint8 (frames, height, width, 3) as an endless GIF, for viewers without WebP."""
    return _animation(images, "GIF")


def _animation(images: np.ndarray, kind: str, **options: int) -> bytes:
    pictures = [Image.fromarray(image) for image in images]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, kind, save_all=True, append_images=pictures[1:], duration=90, loop=0,
        **options,
    )  # fmt: skip
    return buffer.getvalue()
