"""The page of one run."""

import datetime
import os
from pathlib import Path

from absl import logging

from deltavae.errors import UserError
from deltavae.io import atomic_write
from deltavae.report.chance_level import by_chance
from deltavae.report.facts import ScoreRow, facts, score_rows, versions
from deltavae.report.figures.scores import dot_plot
from deltavae.report.render import render
from deltavae.report.run_artifacts import Material, gather
from deltavae.report.section import Picture, write_picture
from deltavae.report.sections import chapters


def write_report(
    run_dir: str | os.PathLike[str],
    data_dir: str | None = None,
    output: Path | None = None,
    figures: Path | None = None,
) -> Path:
    """Write report.html of a run: one file that asks nothing of the network.

    Parts that cannot be made are named in the page with the reason; the rest is made.

    Args:
        run_dir: the run's folder.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.
        output: the file to write; by default report.html in the run's folder.
        figures: a folder for the page's figures as files of their own; None writes none.

    Returns:
        The file written.

    Raises:
        UserError: there is nothing of a run in the folder.
    """
    material = gather(run_dir, data_dir)
    found = chapters(material)
    rows = score_rows(material.scores, _chance(material)) if material.scores else []
    page = render(
        "report.html",
        title=f"{material.info.get('dataset') or 'A run'} · {material.dir.path.resolve().name}",
        facts=facts(material),
        scores=material.scores,
        rows=rows,
        plot=_plot(rows),
        chapters=found,
        config=material.config,
        missing=material.missing,
        versions=versions(material),
        created=now(),
    )
    output = output or material.dir.report
    atomic_write(output, page)
    if figures is not None:
        for chapter in found:
            for picture in chapter.pictures:
                write_picture(picture, figures)
    return output


def now() -> str:
    """The time, for the foot of a page."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _chance(material: Material) -> dict[str, float]:
    try:
        return by_chance(material)
    except UserError as error:
        material.missing["scores by chance"] = str(error)
    except Exception as error:  # the page is made all the same
        logging.exception("scores by chance could not be measured")
        material.missing["scores by chance"] = f"{type(error).__name__}: {error}"
    return {}


def _plot(rows: list[ScoreRow]) -> Picture | None:
    shown = [row for row in rows if row.value is not None and 0 <= row.value <= 1]
    if not shown:
        return None
    figure = dot_plot(
        {row.key: row.value for row in shown},
        {row.key: row.chance for row in shown if row.chance is not None},
        {row.key: row.spread for row in shown if row.spread is not None},
    )
    caption = "Dots are this run, bars what its own codes get when dealt to images at random."
    return Picture("scores", "Scores against chance", caption, figure, vector=True)
