"""What `evaluate.py` does: flags to a call of `evaluate`, progress while it runs, a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from deltavae.aicrowd.events import environment
from deltavae.cli.startup import hush, start_tensorflow
from deltavae.errors import UserError


def evaluate_command(
    *, compare: Sequence[str] = (), udr: bool = False, report: bool = False, **arguments: Any
) -> int:
    """Scores, prints the table, and writes the report if asked; returns the exit status.

    Args:
        compare: folders of runs already scored, to print side by side instead.
        udr: add the unsupervised ranking of the compared runs.
        report: write report.html of the run as well, if its scores lie in its folder.
        arguments: of `deltavae.scoring.evaluate.evaluate`.
    """

    hush()  # TensorFlow says much when it reads a module

    def command() -> int:
        # imported here, so that a wrong flag is answered at once
        from deltavae.scoring.evaluate import evaluate
        from deltavae.scoring.results import compare as compared
        from deltavae.scoring.results import format_scores

        console = Console()
        if compare:
            table = compared(compare)
            if udr:
                start_tensorflow()
                table = compared(compare, {"udr": _udr(compare)})
            console.print(table)
            return 0
        if udr:
            raise UserError(
                "the unsupervised ranking is one of several runs",
                expected="--udr with --compare",
                received="--udr alone",
            )
        if not any(arguments.get(name) for name in ("run_dir", "representation", "codes_file")):
            arguments["run_dir"] = str(environment().run_path)
        if not arguments.get("codes_file") or arguments.get("readouts"):
            start_tensorflow()
        with _progress() as bars:
            tasks: dict[str, TaskID] = {}

            def tell(what: str, done: int, total: int) -> None:
                name = what.split(":")[0]
                if name not in tasks:
                    tasks[name] = bars.add_task(what, total=total)
                bars.update(tasks[name], description=what, completed=done, total=total)

            scores = evaluate(progress=tell, **arguments)
        console.print(format_scores(scores))
        for warning in scores["warnings"]:
            Console(stderr=True).print(f"warning: {warning}", style="yellow")
        for metric, why in scores["failed"].items():
            Console(stderr=True).print(f"{metric} failed: {why}", style="red")
        if report and arguments.get("run_dir") and not arguments.get("output_dir"):
            from deltavae.report import write_report

            console.print(f"report: {write_report(arguments['run_dir'])}")
        return 1 if scores["failed"] else 0

    try:
        return command()
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _udr(folders: Sequence[str]) -> np.ndarray:
    from deltavae.io import read_json
    from deltavae.run_dir import RunDir
    from deltavae.scoring.code_sources import reopen, same_images
    from deltavae.scoring.udr import udr

    return udr(same_images([reopen(read_json(RunDir(folder).scores)) for folder in folders]))


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
