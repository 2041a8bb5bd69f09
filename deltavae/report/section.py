"""A picture with its words, a chapter of pictures, and what a chapter had to leave out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from absl import logging
from matplotlib.figure import Figure

from deltavae.errors import UserError
from deltavae.io import atomic_write
from deltavae.report import encoding as encode


@dataclass(frozen=True)
class Picture:
    """Something to look at.

    Attributes:
        name: for a file's name: small letters, digits and hyphens.
        title: a few words above it.
        caption: what it shows and how it was made, in a sentence or two.
        content: a figure; an image, uint8 (height, width, 3); or an animation, uint8
            (frames, height, width, 3).
        vector: a figure that an SVG suits, lines rather than thousands of dots.
    """

    name: str
    title: str
    caption: str
    content: Figure | np.ndarray
    vector: bool = False


@dataclass
class Chapter:
    """Pictures on one subject.

    Attributes:
        name: for links.
        title: heading.
        intro: what to look for, in plain words.
        pictures: in order.
        left_out: what is not shown, and why.
    """

    name: str
    title: str
    intro: str
    pictures: list[Picture] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def add(self, what: str, make: Callable[[], Picture | Iterable[Picture]]) -> None:
        """Add what `make` returns; if it cannot be made, note `what` and why instead.

        One bad part must not take the others with it: an error that is nobody's known mistake
        is noted as well, and logged with its traceback.
        """
        try:
            made = make()
            for picture in [made] if isinstance(made, Picture) else made:
                self.pictures.append(picture)
        except UserError as error:
            self.left_out.append((what, str(error)))
        except Exception as error:
            logging.exception("%s could not be drawn", what)
            self.left_out.append((what, f"{type(error).__name__}: {error}"))


def write_picture(picture: Picture, folder: Path) -> list[Path]:
    """Write a picture as PNG, and SVG where it is made of lines; animations as WebP and GIF."""
    content = picture.content
    if isinstance(content, Figure):
        files = {".png": encode.figure_png(content)}
        if picture.vector:
            files[".svg"] = encode.figure_svg(content)
    elif content.ndim == 3:
        files = {".png": encode.image_png(content)}
    else:
        files = {
            ".webp": encode.animation_webp(content),
            ".gif": encode.animation_gif(content),
        }
    paths = []
    for suffix, data in files.items():
        path = folder / f"{picture.name}{suffix}"
        atomic_write(path, data)
        paths.append(path)
    return paths
