"""Fills in the templates: one HTML file with all pictures inside."""

import base64
import datetime
from pathlib import Path
from typing import Any

import jinja2
import markupsafe
import numpy as np

from deltavae.report import figure_files as encode
from deltavae.report.section import Picture

# images have 64 pixels a side: shown larger
_ZOOM, _ZOOM_MOVING = 1.5, 2.5
_TEMPLATES = Path(__file__).resolve().parent / "templates"


def render(template: str, **content: Any) -> str:
    """Fill in a template; text is escaped, a missing name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"picture": picture_tag, "number": number}
    return environment.get_template(template).render(**content)


def now() -> str:
    """The current time in UTC, for the foot of a page."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def number(value: float | None, digits: int = 3) -> str:
    """A number for a table; a dash where there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{value:z.{digits}f}"


def picture_tag(picture: Picture) -> markupsafe.Markup:
    """The image element of a picture, with its bytes inside.

    Readers whose browser asks for reduced motion see the first frame of an animation.
    """
    content = picture.content
    if not isinstance(content, np.ndarray):
        if picture.vector:
            return _image(encode.figure_svg(content), "svg+xml", picture)
        return _image(encode.figure_webp(content), "webp", picture)
    if content.ndim == 3:
        return _image(encode.image_webp(content), "webp", picture)
    still = _uri(encode.image_webp(content[0]), "webp")
    moving = _image(encode.animation_webp(content), "webp", picture)
    source = f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
    return markupsafe.Markup(f"<picture>{source}{moving}</picture>")


def _image(data: bytes, kind: str, picture: Picture) -> markupsafe.Markup:
    size = ' class="chart"'
    if isinstance(picture.content, np.ndarray):
        height, width = picture.content.shape[-3:-1]
        zoom = _ZOOM if picture.content.ndim == 3 else _ZOOM_MOVING
        size = f' width="{zoom * width:.0f}" height="{zoom * height:.0f}"'
    described = markupsafe.escape(f"{picture.title}. {picture.caption}")
    return markupsafe.Markup(f'<img src="{_uri(data, kind)}" alt="{described}"{size}>')


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
