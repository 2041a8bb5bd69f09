"""The chapter of learning curves."""

import functools
from typing import Any

from deltavae.errors import UserError
from deltavae.report.figures.curves import capacity_curve, curve
from deltavae.report.run_artifacts import Material
from deltavae.report.section import Chapter, Picture


def history_chapter(material: Material) -> Chapter:
    """Loss, reconstruction, KL against the capacity, and width, by epoch."""
    chapter = Chapter(
        "curves",
        "Learning curves",
        "Means over the images of each epoch, in training. With a capacity objective the KL "
        "should follow C closely.",
    )
    if len(material.history) == 1:
        chapter.left_out.append(("lines", "the run has one epoch, so the curves are dots"))
    chapter.add("KL and capacity", functools.partial(_capacity, material))
    for name, title, unit, caption in (
        (
            "reconstruction",
            "Reconstruction",
            "nats per image",
            "Minus the log-likelihood of an image given one draw of its posterior, without the "
            "likelihood's constant.",
        ),
        (
            "loss",
            "Loss",
            "nats per image",
            "What training minimises: the reconstruction, and the weighed distance of the KL "
            "from C.",
        ),
        (
            "log_scale",
            "Width of the posterior",
            "mean log scale",
            "The logarithm of the posterior's scale, for a diffusion that of its time t. "
            "Falling means sharper.",
        ),
    ):
        chapter.add(title.lower(), functools.partial(_curve, material, name, title, unit, caption))
    return chapter


def _curve(material: Material, name: str, title: str, unit: str, caption: str) -> Picture:
    figure = curve(_rows(material), name, "", unit)
    return Picture(f"curve-{name.replace('_', '-')}", title, caption, figure, vector=True)


def _capacity(material: Material) -> Picture:
    return Picture(
        "curve-kl",
        "KL against the capacity",
        "How much a code tells of its image, and the capacity C that it is pulled to.",
        capacity_curve(_rows(material)),
        vector=True,
    )


def _rows(material: Material) -> list[dict[str, Any]]:
    if not material.history:
        raise UserError(material.missing.get("history", "the history is empty"))
    return material.history
