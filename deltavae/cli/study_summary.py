"""What a study leaves on the screen and on disk when its runs have ended."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pandas as pd
from rich.console import Console
from rich.table import Table

from deltavae.report.study_page import write_page
from deltavae.studies import summary
from deltavae.studies.folder import StudyFolder
from deltavae.studies.results_table import read_table, write_table
from deltavae.studies.scheduler import Progress, failures
from deltavae.studies.study import Study
from deltavae.studies.udr_of_runs import with_udr


def summarise(study: Study, folder: StudyFolder, state: Progress, console: Console) -> int:
    """Write the table and the page, print the means, and name what failed.

    Returns:
        0, or 1 if a run or a score failed. Runs that a time budget left out are no failure.
    """
    given_up = failures(study, folder)
    table = with_udr(read_table(folder.stream), folder)
    write_table(table, folder.table)
    _report_best(table, folder)
    write_page(study, folder, table, given_up)
    _print_table(study, table, console)
    for each in given_up:
        last = (each["log"].strip().splitlines() or ["(no output)"])[-1]
        console.print(
            f"failed: {each['setting']}, {each['dataset']}, seed {each['seed']}: {last} "
            f"({each['folder']}/log.txt)",
            soft_wrap=True,
        )
    not_scored = _not_scored(study, folder)
    for line in not_scored:
        console.print(line, soft_wrap=True)
    console.print(f"table: {folder.table}\npage: {folder.report}", soft_wrap=True)
    return 1 if state.failed or not_scored else 0


def _not_scored(study: Study, folder: StudyFolder) -> list[str]:
    """Return a line for each score that rows of the table lack, with the reason."""
    found: Counter[tuple[str, str]] = Counter()
    runs = Counter(spec.dataset for spec in study.runs())
    for spec in study.runs():
        result = folder.result(spec, study.scoring) or {}
        found.update((spec.dataset, why) for why in result.get("failed", []))
    return [
        f"not scored on {dataset} in {count} of {runs[dataset]} runs: {why}"
        for (dataset, why), count in found.items()
    ]


def _report_best(table: pd.DataFrame, folder: StudyFolder) -> None:
    """Let a process of its own, with TensorFlow, write the reports that the page links to."""
    runs = summary.best_runs(table)["run"].unique() if len(table) else []
    paths = [folder.path / "runs" / run for run in runs]
    missing = [str(path) for path in paths if not (path / "report.html").exists()]
    if missing:
        # without its report a run is still linked to, as a folder
        with (folder.path / "reports.log").open("wb") as log:
            command = [sys.executable, "-m", "deltavae", "report", *missing]
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)


def _print_table(study: Study, rows: pd.DataFrame, console: Console) -> None:
    if rows.empty:
        return
    names = [name for name in summary.score_names(rows) if not name.startswith("r2_")]
    # without labels, and not ranked
    measured = [
        name for name in ("reconstruction", "winding_number", "order_errors") if name in rows
    ]
    stats, ranks = summary.by_setting(rows, [*names, *measured]), summary.ranks(rows, names)
    runs = rows.groupby(summary.GROUP).size()
    for dataset, part in ranks.groupby("dataset", sort=False):
        table = Table(title=f"{study.name}: {dataset}, mean ± standard deviation over seeds")
        for column in ("setting", "readout", "runs", "mean rank", *names, *measured):
            table.add_column(
                column, justify="left" if column in summary.GROUP else "right", overflow="fold"
            )
        for key, rank in part["mean_rank"].items():
            cells = [summary.mean_std(stats.loc[key][name]) for name in [*names, *measured]]
            table.add_row(key[1], key[2], str(runs[key]), f"{rank:.1f}", *cells)
        console.print(table)
