"""A picture with its caption, a section of pictures, and what a section leaves out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from absl import logging
from matplotlib.figure import Figure

from deltavae.errors import UserError
from deltavae.io import atomic_write
from deltavae.report import figure_files as encode


@dataclass(frozen=True)
class Picture:
    """A figure, an image or an animation, with its caption.

    Attributes:
        name: of its file: small letters, digits and hyphens.
        title: a few words above it.
        caption: what it shows and how it was made.
        content: a figure; an image, uint8 (height, width, 3); or an animation, uint8
            (frames, height, width, 3).
        vector: draw a figure as SVG; suits lines, not thousands of dots.
        wide: give a figure the whole width of the page.
    """

    name: str
    title: str
    caption: str
    content: Figure | np.ndarray
    vector: bool = False
    wide: bool = False


@dataclass
class Section:
    """Pictures on one subject.

    Attributes:
        name: for links.
        title: heading.
        intro: what to look for.
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

        An error other than a `UserError` is noted as well, and logged with its traceback, so
        that the other parts are shown.
        """
        try:
            made = make()
            for picture in [made] if isinstance(made, Picture) else made:
                self.pictures.append(self._under_a_free_name(picture))
        except Exception as error:
            self.left_out.append((what, reason(what, error)))

    def _under_a_free_name(self, picture: Picture) -> Picture:
        """The picture with a number behind its name if another has it, as of factors X and x."""
        taken = {other.name for other in self.pictures}
        name, number = picture.name, 1
        while name in taken:
            number += 1
            name = f"{picture.name}-{number}"
        return replace(picture, name=name)


def file_name(text: str) -> str:
    """A text for use in `Picture.name`; different texts may become the same."""
    return "".join(c if c.isalnum() else "-" for c in text.lower())


def reason(what: str, error: Exception) -> str:
    """Why a part is left out; logs the traceback of anything but a `UserError`."""
    if isinstance(error, UserError):
        return str(error)
    logging.error("%s could not be made", what, exc_info=error)
    return f"{type(error).__name__}: {error}"


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
