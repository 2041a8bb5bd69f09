"""`deltavae evaluate`: flags to a call of `evaluate`, progress while it runs, a table."""

from __future__ import annotations

import argparse
import contextlib
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltavae.aicrowd.events import environment
from deltavae.cli.flags import Parser, comma_list
from deltavae.cli.startup import hush, start_tensorflow
from deltavae.errors import UserError
from deltavae.run_dir import RunDir

if TYPE_CHECKING:
    import numpy as np
    from rich.progress import Progress


def parser(prog: str) -> Parser:
    """The flags of `evaluate`."""
    flags = Parser(
        prog,
        "Score a representation: the challenge's five metrics, and what they cannot see.",
        [
            "--run_dir runs/demo --settings fast",
            "--codes codes.npz --dataset cars3d --output_dir scores",
        ],
    )
    add = flags.add_argument
    add("--run_dir", metavar="RUN", help="Score a run's folder; default: where `train` writes.")
    add("--representation", metavar="DIR", help="Or the folder of an exported module.")
    add("--codes", metavar="FILE", help="Or an .npz file: `codes` (n, k), one row per image.")
    add("--dataset", metavar="NAME", help="Default: the one that the run or module names.")
    add(
        "--metrics",
        metavar="LIST",
        type=comma_list,
        help="Metrics by commas, or all (docs/scores.md); default: the challenge's five.",
    )
    add(
        "--protocol",
        default="both",
        choices=["both", "current", "challenge2019"],
        help="Whose DCI and SAP; default: both.",
    )
    add(
        "--settings",
        default="study",
        choices=["study", "fast"],
        help="How many points the metrics draw; default: study.",
    )
    add(
        "--readouts",
        metavar="LIST",
        type=comma_list,
        default=[],
        help="Score under each of these (docs/submission.md); with --compare, show these.",
    )
    add("--output_dir", metavar="DIR", help="Where to write; default: the run's folder, if any.")
    add(
        "--jobs",
        metavar="N",
        type=int,
        help="Processes; default: one per core, and one for fast settings.",
    )
    add("--seed", metavar="N", type=int, default=0, help="Seed of the metrics' random draws.")
    add(
        "--seeds",
        metavar="N",
        type=int,
        default=1,
        help="Repeat with this many seeds; print mean and standard deviation.",
    )
    flags.boolean(
        "baselines", "Score beside it a PCA of the pixels, and its codes at random images."
    )
    flags.boolean("discrete", "The codes are categories (for infomec).")
    flags.boolean("reference", "disentanglement_lib's own code only; needs --protocol current.")
    add(
        "--compare",
        metavar="RUN",
        nargs="+",
        default=[],
        help="Print these scored runs side by side instead.",
    )
    add(
        "--ranking",
        default="mean",
        choices=["mean", "challenge"],
        help="With --compare: mean ranks, or the challenge's places (NAME=RUN says whose).",
    )
    flags.boolean("udr", "With --compare: the unsupervised ranking as well.")
    flags.boolean(
        "report", "Write the run's report.html too, unless --output_dir is given.", default=True
    )
    flags.data_dir()
    # --compare=A,B C
    add("more", nargs="*", help=argparse.SUPPRESS)
    return flags


def command(options: Namespace) -> int:
    """Score, print the table, and write the report if asked; 1 if a metric failed."""
    compare = [run for entry in options.compare for run in comma_list(entry)]
    if options.more and not compare:
        raise UserError(f"unknown argument {options.more[0]}", advice="--help lists the flags.")
    hush()  # TensorFlow says much when it reads a module
    # imported here, so that a wrong flag is answered at once
    from deltavae.cli.console import new_console

    console = new_console()
    if compare:
        _require_only_comparing(options)
        from deltavae.scoring.comparison import compare as compared
        from deltavae.scoring.comparison import compare_as_challenge

        runs = [*compare, *options.more]
        if options.ranking == "challenge":
            if options.udr:
                raise UserError(
                    "the challenge ranked by its five scores",
                    expected="--udr without --ranking challenge",
                )
            console.print(compare_as_challenge(*_participants(runs), options.readouts))
            return 0
        table = compared(runs, readouts=options.readouts)
        if options.udr:
            table = compared(runs, {"udr": _udr(runs)}, options.readouts)
        console.print(table)
        return 0
    if options.ranking != "mean":
        raise UserError("there is no ranking of one run", expected="--ranking with --compare")
    if options.udr:
        raise UserError(
            "the unsupervised ranking is one of several runs",
            expected="--udr with --compare",
            received="--udr alone",
        )
    run_dir = options.run_dir
    if not (run_dir or options.representation or options.codes):
        run_dir = str(environment().run_path)
        new_console(stderr=True).print(
            f"nothing named to score: taking {run_dir}, where train writes by default",
            soft_wrap=True,
        )
    from deltavae.scoring.evaluate import evaluate
    from deltavae.scoring.results import format_scores, scores_by_column

    if options.readouts:
        start_tensorflow()
    bars, tasks = _progress(), dict[str, Any]()
    with contextlib.ExitStack() as shown:

        def tell(what: str, done: int, total: int) -> None:
            if not tasks:  # only now: a request that is refused prints no empty line
                shown.enter_context(bars)
            name = what.split(":")[0]
            if name not in tasks:
                tasks[name] = bars.add_task(what, total=total)
            bars.update(tasks[name], description=what, completed=done, total=total)

        scores = evaluate(
            progress=tell,
            before_encoding=start_tensorflow,
            run_dir=run_dir,
            representation=options.representation,
            codes_file=options.codes,
            data=options.dataset,
            metrics=options.metrics,
            protocol=options.protocol,
            settings=options.settings,
            readouts=options.readouts,
            output_dir=options.output_dir,
            jobs=options.jobs,
            seed=options.seed,
            seeds=options.seeds,
            reference=options.reference,
            discrete=options.discrete,
            baselines=options.baselines,
        )
    console.print(format_scores(scores))
    columns = scores_by_column(scores)
    failed = [
        f"{metric} of {name} failed: {why}"
        for name, column in columns.items()
        for metric, why in column["failed"].items()
    ]
    for style, lines in (
        ("yellow", [f"warning: {warning}" for warning in scores["warnings"]]),
        ("red", failed),
    ):
        for line in lines:
            new_console(stderr=True).print(line, style=style, soft_wrap=True)
    written = options.output_dir or run_dir
    console.print(
        f"scores: {RunDir(written).scores}"
        if written
        else "nothing was written; --output_dir DIR keeps the scores",
        soft_wrap=True,
    )
    if options.report and run_dir and not options.output_dir:
        start_tensorflow()
        from deltavae.report import write_report

        console.print(f"report: {write_report(run_dir)}", soft_wrap=True)
    return 1 if failed else 0


def _require_only_comparing(options: Namespace) -> None:
    comparing = ("compare", "more", "ranking", "readouts", "udr", "data_dir", "verbosity")
    given = [
        f"--no{name}" if default is True else f"--{name}"
        for name, default in vars(parser("").parse([])).items()
        if name not in comparing and getattr(options, name) != default
    ]
    if given:
        raise UserError(
            "--compare scores nothing and writes nothing",
            expected="with it only --ranking, --readouts, --udr",
            received=", ".join(given),
        )


def _participants(runs: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Folders and whose they are: NAME=FOLDER, or a folder alone that is of nobody else."""
    named = [run.partition("=")[::2] if not Path(run).exists() else ("", run) for run in runs]
    named = [(name, folder) if folder else ("", name) for name, folder in named]
    if not any(name for name, _ in named):
        return [folder for _, folder in named], None
    return [folder for _, folder in named], [name or folder for name, folder in named]


def _udr(folders: Sequence[str]) -> np.ndarray:
    from deltavae.scoring.code_sources import reopen, same_images
    from deltavae.scoring.scores_json import read_scores
    from deltavae.scoring.udr import udr

    sources = [reopen(read_scores(folder), folder) for folder in folders]
    for source in sources:
        source.before_encoding(start_tensorflow)
    return udr(same_images(sources, folders))


def _progress() -> Progress:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from deltavae.cli.console import new_console

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=new_console(stderr=True),
    )
