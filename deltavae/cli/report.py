"""`deltavae report`: the page of a run, or one that compares several."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from deltavae.cli.flags import Parser, comma_list
from deltavae.cli.startup import start_tensorflow
from deltavae.errors import UserError
from deltavae.io import require_writable


def parser(prog: str) -> Parser:
    """The flags of `report`."""
    flags = Parser(
        prog,
        "Write report.html of each run, or one page that compares scored runs.",
        ["runs/demo --figures", "--compare runs/a runs/b runs/c --output_dir comparison"],
        "[RUN ...]",
    )
    add = flags.add_argument
    add("runs", nargs="*", help=argparse.SUPPRESS)
    add(
        "--compare",
        metavar="RUN",
        nargs="+",
        default=[],
        help="Put these scored runs side by side in comparison.html instead.",
    )
    flags.boolean("figures", "Write the figures of each run as files, too.")
    add(
        "--beside",
        metavar=("S1", "R1"),
        nargs=2,
        help="Show first what a circle and a line make of one periodic factor: two runs on "
        "turntable_azimuth, with gin/circle.gin and gin/line.gin.",
    )
    add(
        "--output_dir",
        metavar="DIR",
        help="Where to write; default: the run's folder, with figures in its folder plots/; "
        "with --compare the current folder.",
    )
    flags.data_dir()
    return flags


def command(options: Namespace) -> int:
    """Write the pages and name them."""
    compare = [run for entry in options.compare for run in comma_list(entry)]
    folder = Path(options.output_dir) if options.output_dir else None
    if compare and options.figures:
        raise UserError(
            "the figures are those of one run",
            expected="--figures or --compare",
            received="both",
        )
    if compare and options.beside:
        raise UserError(
            "the circle and the line are shown on the page of one run",
            expected="--beside or --compare",
            received="both",
        )
    if not compare and not options.runs:
        raise UserError("no run named", expected="RUN, or --compare RUN RUN", received="neither")
    if not compare and folder and len(options.runs) > 1:
        raise UserError(
            "the pages of several runs have one name",
            expected="one run with --output_dir",
            received=f"{len(options.runs)} runs",
        )
    for written in [folder or Path()] if compare or folder else options.runs:
        require_writable(written)
    start_tensorflow()
    from deltavae.cli.console import new_console

    console = new_console()
    for line in (
        _comparison([*compare, *options.runs], folder or Path())
        if compare
        else _pages(options.runs, folder, options.figures, options.beside)
    ):
        console.print(line, soft_wrap=True, highlight=False)
    return 0


def _comparison(runs: list[str], folder: Path) -> Iterator[str]:
    from deltavae.report import write_comparison

    yield str(write_comparison(runs, folder / "comparison.html"))


def _pages(
    runs: list[str], folder: Path | None, figures: bool, beside: list[str] | None
) -> Iterator[str]:
    from deltavae.report import write_report

    for run in runs:
        plots = (folder or Path(run) / "plots") if figures else None
        output = folder and folder / "report.html"
        shown = (beside[0], beside[1]) if beside else None
        yield str(write_report(run, output=output, figures=plots, beside=shown))
        if plots:
            yield f"figures: {plots}; the page names those that could not be made, and why"
