"""The page of one run."""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

from deltavae.errors import command
from deltavae.io import atomic_write
from deltavae.report.chance_level import chance_level
from deltavae.report.facts import ScoreRow, facts, score_rows, versions
from deltavae.report.figures.circle_and_line import circle_and_line_section
from deltavae.report.figures.codes import code_factor_section, latent_section
from deltavae.report.figures.decoder import reconstruction_section, traversal_section
from deltavae.report.figures.learning_curves import history_section
from deltavae.report.figures.scores import dot_plot, on_the_axis
from deltavae.report.render import now, render
from deltavae.report.section import Picture, Section, reason, write_picture
from deltavae.scoring.code_sources import outdated
from deltavae.training.saved_run import Run

SECTIONS: tuple[Callable[[Run], Section], ...] = (
    history_section,
    reconstruction_section,
    traversal_section,
    latent_section,
    code_factor_section,
)
"""What makes the figures of a run's page, in its order."""


def write_report(
    run_dir: str | os.PathLike[str],
    data_dir: str | None = None,
    output: Path | None = None,
    figures: Path | None = None,
    beside: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
) -> Path:
    """Write report.html of a run: one file that needs no network.

    Parts that cannot be made are named in the page with the reason; the rest is made.

    Args:
        run_dir: the run's folder.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.
        output: the file to write; by default report.html in the run's folder.
        figures: a folder for the page's figures as files of their own; None writes none.
        beside: two more runs, with the latent spaces S^1 and R^1 and trained on one periodic
            factor, which the page shows first.

    Returns:
        The file written.

    Raises:
        UserError: there is nothing of a run in the folder.
    """
    run = Run(run_dir, data_dir)
    missing, scores = dict(run.missing), run.get("scores", {})
    chance: dict[str, float] = {}
    if outdated(run.dir, scores):
        again = f"{command('evaluate')} --run_dir {shlex.quote(str(run.dir.path))}"
        said = f"these scores are of an earlier model of this run; score it again with {again}"
        scores = {**scores, "warnings": [*scores.get("warnings", []), said]}
    if scores:
        try:
            chance, failed = chance_level(run)
            missing |= {f"chance level of {key}": why for key, why in failed.items()}
        except Exception as error:  # the page is made all the same
            missing["chance level of the scores"] = reason("the chance level", error)
    rows = score_rows(scores, chance)
    plot = _plot(rows)
    first = []
    if beside is not None:
        circle, line = (Run(path, data_dir) for path in beside)
        first.append(circle_and_line_section(circle, line))
    sections = [make(run) for make in SECTIONS]
    page = render(
        "run_page.html",
        title=f"{run.get('info', {}).get('dataset') or 'A run'} · {run.dir.path.resolve().name}",
        facts=facts(run),
        scores=scores,
        rows=rows,
        plot=plot,
        first=first,
        sections=sections,
        config=run.get("config", ""),
        missing=missing,
        versions=versions(run),
        created=now(),
    )
    output = output or run.dir.report
    atomic_write(output, page)
    if figures is not None:
        pictures = [picture for section in (*first, *sections) for picture in section.pictures]
        for picture in [plot, *pictures] if plot else pictures:
            write_picture(picture, figures)
    return output


def _plot(rows: list[ScoreRow]) -> Picture | None:
    with_value = [row for row in rows if row.value is not None]
    drawn, others = on_the_axis({row.key: [row.value] for row in with_value})
    shown = [row for row in with_value if row.key in drawn]
    if not shown:
        return None
    figure = dot_plot(
        {row.key: row.value for row in shown},
        {row.key: row.chance for row in shown if row.chance is not None},
        {row.key: row.std for row in shown if row.std is not None},
        {row.key: row.pca for row in shown if row.pca is not None},
    )
    pca = " Squares: a PCA of the pixels." if any(row.pca is not None for row in shown) else ""
    caption = f"Dots are this run, bars its own codes assigned to random images.{pca}{others}"
    return Picture("scores", "Scores and their chance level", caption, figure, vector=True)
