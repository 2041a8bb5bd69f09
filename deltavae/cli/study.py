"""`deltavae study`: carry out the runs of a study, and compare them."""

from __future__ import annotations

import math
import os
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from deltavae.cli.flags import Parser, positive
from deltavae.errors import UserError
from deltavae.training.interrupts import Interrupted

if TYPE_CHECKING:
    from rich.console import Console

    from deltavae.studies.engine import Engine
    from deltavae.studies.folder import StudyFolder
    from deltavae.studies.scheduler import Progress
    from deltavae.studies.selection import Selection
    from deltavae.studies.study import Study


def parser(prog: str) -> Parser:
    """The flags of `study`."""
    flags = Parser(
        prog,
        "Carry out a study: train and score every run that is not done yet, and compare them.",
        ["gin/studies/quick.gin", "gin/studies/table1.gin --address ray://HOST:10001"],
        "FILE.gin",
    )
    add = flags.add_argument
    add("study", metavar="FILE.gin", help="A gin file that binds study.*")
    add("--output_dir", metavar="DIR", help="The study's folder; default: scratch/studies/NAME.")
    add(
        "--engine",
        default="local",
        choices=["local", "ray"],
        help="What carries the runs out; default: local processes.",
    )
    add("--address", metavar="ADDRESS", help="Ray cluster: auto, HOST:PORT or ray://HOST:PORT.")
    add("--cores", metavar="N", type=positive, help="Cores of this machine for the study.")
    add(
        "--gpus_per_run",
        metavar="N",
        type=float,
        default=0.0,
        help="GPUs for a run on Ray; may be a fraction.",
    )
    add(
        "--gin_bindings",
        metavar="BINDING",
        action="append",
        default=[],
        help="Binding after the file's, as study.seeds = [0]; repeat for several.",
    )
    add(
        "--only",
        metavar="A-B",
        help="Only the runs of these numbers (one: 40), counted from 0, as in --list.",
    )
    add(
        "--select",
        choices=["udr", "elbo"],
        help="Choose a run without labels: the largest UDR, or the largest ELBO.",
    )
    add(
        "--export",
        metavar="DIR",
        help="Copy the chosen run's exported representation there, after every run.",
    )
    add(
        "--max_hours",
        metavar="HOURS",
        type=float,
        help="Time budget: start a run only where the longest so far would end in time.",
    )
    flags.boolean("list", "List the runs with their state as JSON lines, and end.")
    flags.data_dir()
    return flags


def command(options: Namespace) -> int:
    """Read, check, run, summarise; 1 if a run or a score failed, otherwise 0."""
    if not 0 <= options.gpus_per_run < math.inf:
        raise UserError(
            "--gpus_per_run is no number of GPUs", expected=">= 0", received=options.gpus_per_run
        )
    if options.gpus_per_run and options.engine == "local" and options.address is None:
        raise UserError(
            "--gpus_per_run is for Ray",
            expected="--engine ray or --address with it",
            received="the local engine",
        )
    if options.cores and options.address:
        raise UserError(
            "--cores is for this machine's runs",
            expected="no --cores with --address: a cluster knows its own cores",
            received=f"--cores {options.cores} --address {options.address}",
        )
    if options.export and not options.select:
        raise UserError("--export needs a choice", expected="--select udr or --select elbo")
    if options.max_hours is not None and not options.max_hours > 0:
        raise UserError("--max_hours is no time", expected="> 0", received=options.max_hours)
    # imported here, so that a wrong flag is answered at once
    from deltavae.cli.console import new_console
    from deltavae.studies.folder import StudyFolder
    from deltavae.studies.loader import load_checked
    from deltavae.studies.scheduler import describe

    console = new_console()
    study = load_checked(options.study, options.gin_bindings, options.only, check=not options.list)
    folder = StudyFolder(options.output_dir or Path("scratch/studies") / study.name)
    if options.list:
        console.print(describe(study, folder), soft_wrap=True, highlight=False)
        # not among the lines of JSON
        new_console(stderr=True).print(f"{len(list(study.runs())):,} runs", highlight=False)
        return 0
    if options.select:
        from deltavae.studies.selection import require_exportable, require_selectable

        require_selectable(study, options.select)
        if options.export:
            require_exportable(Path(options.export))
    state = _run(study, folder, options, console)
    if state.not_started:
        console.print(f"{state.not_started} runs were not started: no time was left for them")
    _select(study, folder, options, console)
    from deltavae.cli.study_summary import summarise

    return summarise(study, folder, state, console)


def _select(study: Study, folder: StudyFolder, options: Namespace, console: Console) -> None:
    """Export the chosen run, and say which it is and why."""
    if not options.select:
        return
    from deltavae.studies.results_table import read_table
    from deltavae.studies.selection import export_selected, select

    table = read_table(folder.stream)
    chosen = (
        export_selected(study, folder, table, options.select, Path(options.export))
        if options.export
        else select(study, folder, table, options.select)
    )
    if chosen is None:
        console.print("no run of a model has finished, so none is chosen")
        return
    console.print(
        f"chosen: {folder.path / 'runs' / chosen.run} ({chosen.setting}, seed {chosen.seed}): "
        f"{chosen.reason}",
        soft_wrap=True,
    )
    if options.export:
        console.print(f"exported to {options.export}", soft_wrap=True)


def _run(study: Study, folder: StudyFolder, options: Namespace, console: Console) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    from deltavae.studies.results_table import read_table
    from deltavae.studies.scheduler import run_study, worker_command
    from deltavae.studies.selection import export_selected

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    data_dir = ["--data_dir", os.path.abspath(options.data_dir)] if options.data_dir else []
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(study.name, total=None, note="")
        exported: Selection | None = None

        def show(state: Progress) -> None:
            nonlocal exported
            bar.update(
                task,
                total=state.total,
                completed=state.skipped + state.done + state.failed,
                note=f"{state.failed} failed" if state.failed else "",
            )
            if options.export:
                exported = export_selected(
                    study, folder, read_table(folder.stream), options.select, Path(options.export)
                )

        try:
            return run_study(
                study,
                folder,
                lambda: _engine(study, folder, options),
                command=lambda spec_file: [*worker_command(spec_file), *data_dir],
                progress=show,
                hours=options.max_hours,
            )
        except Interrupted as error:
            error.message += "; the same command goes on where it was"
            if exported is not None:
                error.message += f", and {options.export} has the best of the runs that have ended"
            raise


def _engine(study: Study, folder: StudyFolder, options: Namespace) -> Engine:
    from deltavae.studies.engine import LocalEngine

    if options.engine == "local" and options.address is None:
        return LocalEngine(study.cores, options.cores)
    from deltavae.studies.ray_engine import RayEngine

    return RayEngine(
        folder.path, options.address, study.cores, options.gpus_per_run, cores=options.cores
    )
