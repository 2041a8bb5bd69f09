"""Carry out a study: `python -m deltavae.cli.study gin/studies/quick.gin`."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
from absl import flags
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from deltavae.cli.flags import run
from deltavae.errors import UserError
from deltavae.report.study_page import write_page
from deltavae.studies import summary
from deltavae.studies.agreement import with_udr
from deltavae.studies.engine import Engine, LocalEngine
from deltavae.studies.folder import StudyFolder
from deltavae.studies.loader import load_checked
from deltavae.studies.results import read_table, write_table
from deltavae.studies.scheduler import Progress, describe, failures, run_study
from deltavae.studies.study import Study

flags.DEFINE_string("output_dir", None, "Folder of the study; scratch/studies/NAME by default.")
flags.DEFINE_enum("engine", "local", ["local", "ray"], "What carries the runs out.")
flags.DEFINE_string("address", None, "Ray cluster: auto, HOST:PORT or ray://HOST:PORT.")
flags.DEFINE_integer("cores", None, "Cores of this machine for the study.", lower_bound=1)
flags.DEFINE_float("gpus_per_run", 0.0, "GPUs for a run on Ray; may be a fraction.", 0.0)
flags.DEFINE_multi_string("gin_bindings", [], "Bindings after the file's, as study.seeds = [0].")
flags.DEFINE_bool("list", False, "List the runs with their state as JSON lines, and end.")
FLAGS = flags.FLAGS


def main(arguments: list[str]) -> int:
    """Read, check, run, summarise; 0 if every run is done, 1 if some failed, 2 on misuse."""
    console = Console()
    try:
        if len(arguments) != 2:
            raise UserError(
                "name one study",
                expected="python -m deltavae.cli.study FILE.gin",
                received=" ".join(arguments[1:]) or "no file",
            )
        study = load_checked(arguments[1], FLAGS.gin_bindings)
        folder = StudyFolder(FLAGS.output_dir or Path("scratch/studies") / study.name)
        if FLAGS.list:
            console.print(describe(study, folder), soft_wrap=True, highlight=False, markup=False)
            return 0
        state = _run(study, folder, console)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; the same command goes on where it was.\n")
        return 130
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
            markup=False,
        )
    console.print(f"table: {folder.table}\npage: {folder.report}", markup=False)
    return 1 if state.failed else 0


def _run(study: Study, folder: StudyFolder, console: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console) as bar:
        task = bar.add_task(study.name, total=None, note="")

        def show(state: Progress) -> None:
            bar.update(
                task,
                total=state.total,
                completed=state.skipped + state.done + state.failed,
                note=f"{state.failed} failed" if state.failed else "",
            )

        return run_study(study, folder, lambda: _engine(study, folder), progress=show)


def _report_best(table: pd.DataFrame, folder: StudyFolder) -> None:
    """Let a process of its own, with TensorFlow, write the reports that the page links to."""
    runs = summary.best_runs(table)["run"].unique() if len(table) else []
    paths = [folder.path / "runs" / run for run in runs]
    missing = [str(path) for path in paths if not (path / "report.html").exists()]
    if missing:
        # without its report a run is still linked to, as a folder
        with (folder.path / "reports.log").open("wb") as log:
            command = [sys.executable, "-m", "deltavae.cli.report", *missing]
            subprocess.run(command, stdout=log, stderr=subprocess.STDOUT)


def _engine(study: Study, folder: StudyFolder) -> Engine:
    if FLAGS.engine == "local" and FLAGS.address is None:
        return LocalEngine(study.cores, FLAGS.cores)
    from deltavae.studies.ray_engine import RayEngine

    return RayEngine(
        folder.path, FLAGS.address, study.cores, FLAGS.gpus_per_run, cores=FLAGS.cores
    )


def _print_table(study: Study, rows: pd.DataFrame, console: Console) -> None:
    if rows.empty:
        return
    names = [name for name in summary.score_names(rows) if not name.startswith("r2_")]
    stats, ranks = summary.by_setting(rows, names), summary.ranks(rows, names)
    for dataset, part in ranks.groupby("dataset", sort=False):
        table = Table(title=f"{study.name}: {dataset}, mean ± spread over seeds")
        for column in ("setting", "readout", "runs", "mean rank", *names):
            table.add_column(column, justify="left" if column in summary.GROUP else "right")
        for key, rank in part["mean_rank"].items():
            cells = stats.loc[key]
            count = int(max(cells[name]["count"] for name in names))
            scores = [summary.spread(cells[name]) for name in names]
            table.add_row(key[1], key[2], str(count), f"{rank:.1f}", *scores)
        console.print(table)


if __name__ == "__main__":
    run(main)
