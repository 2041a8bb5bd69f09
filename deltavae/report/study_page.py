"""The page of a study: tables and figures of all its runs."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from deltavae.io import atomic_write
from deltavae.report.figures.study import correlation_matrix, scores_by_setting
from deltavae.report.render import now, render
from deltavae.report.section import Picture
from deltavae.studies import summary
from deltavae.studies.folder import StudyFolder
from deltavae.studies.study import Study


def write_page(
    study: Study,
    folder: StudyFolder,
    table: pd.DataFrame,
    failures: Sequence[dict[str, Any]] = (),
) -> None:
    """Write `report.html` of the rows that there are, and of the runs that were given up.

    Args:
        study: what was run.
        folder: of the study.
        table: a row for each run and readout, as `read_table` gives it.
        failures: as `scheduler.failures` gives them.
    """
    page = render(
        "study_page.html",
        title=f"Study {study.name}",
        study=study,
        done=table["run"].nunique(),
        total=sum(1 for _ in study.runs()),
        datasets=[_dataset(part, str(name)) for name, part in table.groupby("dataset")],
        correlations=_correlations(table) if len(table) else None,
        tables=[_against_baselines(study, table), _selection(table)] if len(table) else [],
        best=_best(table, folder),
        failures=failures,
        created=now(),
    )
    atomic_write(folder.report, page)


def _dataset(table: pd.DataFrame, name: str) -> dict[str, Any]:
    scores = [each for each in summary.score_names(table) if table[each].notna().any()]
    stats, ranks = summary.by_setting(table, scores), summary.ranks(table, scores)
    best = {each: stats[each]["mean"].max() for each in scores}
    rows = [
        {
            "setting": key[1],
            "readout": key[2],
            "count": int(stats.loc[key][scores[0]]["count"]) if scores else 0,
            "rank": rank,
            "cells": [
                {
                    "text": summary.mean_std(stats.loc[key][each]),
                    "best": stats.loc[key][each]["mean"] == best[each],
                }
                for each in scores
            ],
        }
        for key, rank in ranks["mean_rank"].items()
    ]
    order = {(row["setting"], row["readout"]): i for i, row in enumerate(rows)}
    place = [order[pair] for pair in zip(table["setting"], table["readout"], strict=True)]
    anchor = _anchor(name)
    picture = Picture(
        f"scores-{anchor}",
        "Scores of each run",
        "Dots are runs, bars the mean of a setting under a readout; in the order of the table.",
        scores_by_setting(table.assign(_place=place).sort_values("_place"), scores),
        wide=len(scores) > 2,
    )
    return {"name": name, "anchor": anchor, "scores": scores, "rows": rows, "picture": picture}


def _correlations(table: pd.DataFrame) -> Picture:
    return Picture(
        "correlations",
        "Rank correlation of each two scores",
        "1 where two scores order the runs alike, -1 where they order them in reverse.",
        correlation_matrix(summary.correlations(table)),
    )


def _against_baselines(study: Study, table: pd.DataFrame) -> dict[str, Any]:
    compared = summary.against_baselines(table, study.baselines)
    compared.columns = [f"{name} {what}" for name, what in compared.columns]
    text = "Difference of the means, and its standard error from the variances over seeds."
    return _table("Comparison with the baselines", text, compared.reset_index())


def _selection(table: pd.DataFrame) -> dict[str, Any]:
    text = (
        "The run that is best by ELBO, UDR, distance to orthogonality, or the mean rank by all "
        "of them, which are known without labels, beside the mean, median and best of all runs; "
        "the correlation is Spearman's, over runs, with a 95% interval by the bootstrap. The "
        "ELBO of every run is that of the exact KL divergence, whatever form it was trained "
        "with."
    )
    return _table("Model selection without labels", text, summary.selection(table))


def _table(title: str, text: str, rows: pd.DataFrame) -> dict[str, Any]:
    return {
        "title": title,
        "anchor": _anchor(title),
        "text": text if len(rows) else "Nothing to compare in this study.",
        "columns": list(rows.columns) if len(rows) else [],
        "rows": rows.to_numpy().tolist(),
    }


def _best(table: pd.DataFrame, folder: StudyFolder) -> list[dict[str, Any]]:
    rows = summary.best_runs(table).to_dict("records") if len(table) else []
    for row in rows:
        written = (folder.path / "runs" / row["run"] / "report.html").exists()
        row["page"] = "report.html" if written else ""
    return rows


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
