"""`deltavae data list | show NAME | download NAME`."""

import argparse
import sys
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TimeRemainingColumn
from rich.table import Table

from deltavae.cli.flags import Parser
from deltavae.data import load
from deltavae.data.catalogue import PUBLIC_SETS
from deltavae.data.contact_sheet import contact_sheet, strip
from deltavae.data.download import fetch
from deltavae.data.listing import LISTINGS
from deltavae.data.registry import default_data_dir
from deltavae.errors import UserError


def parser(prog: str) -> Parser:
    """The flags of `data`."""
    flags = Parser(
        prog,
        "List the data sets, show one as pictures, or download the files of a public one.",
        ["list", "show turntable --output_dir pictures"],
        "list | show NAME | download NAME",
    )
    add = flags.add_argument
    add("action", choices=["list", "show", "download"], help=argparse.SUPPRESS)
    add("name", nargs="?", help=argparse.SUPPRESS)
    add(
        "--output_dir",
        metavar="DIR",
        type=Path,
        default=Path("scratch/pictures"),
        help="Where `show` writes; default: %(default)s.",
    )
    flags.data_dir()
    return flags


def command(options: Namespace) -> int:
    """List, show or download."""
    if (options.name is None) != (options.action == "list"):
        raise UserError(
            f"`data {options.action}` takes {'no' if options.name else 'a'} name",
            received=repr(options.name) if options.name else "none",
            advice=None if options.name else "`data list` prints the names.",
        )
    # Long paths are printed whole into a pipe; a terminal keeps its own width.
    console = Console(width=None if sys.stdout.isatty() else 160)
    if options.action == "list":
        list_sets(default_data_dir(), console)
    elif options.action == "show":
        show(options.name, default_data_dir(), options.output_dir, console)
    else:
        download(options.name, default_data_dir(), console)
    return 0


def list_sets(data_dir: Path, console: Console) -> None:
    """Prints a table of every set."""
    table = Table(title=f"Image sets; public files are looked for in {data_dir}")
    for title in ("name", "images", "factors (* on a circle)", "files", "from"):
        # A name that is broken over lines can't be copied.
        table.add_column(title, overflow="fold", no_wrap=title == "name")
    for name, listing in LISTINGS.items():
        factors = ", ".join(
            f"{factor}{'*' if factor in listing.periodic else ''} {size}"
            for factor, size in listing.factors
        )
        public = PUBLIC_SETS.get(name)
        files, source = "none needed", "built in"
        if public is not None:
            present = len(public.missing(data_dir)) == 0
            shown = sorted(
                {f.path if len(public.files) < 3 else _folder(f.path) for f in public.files}
            )
            files = f"{'present' if present else 'missing'}: {', '.join(shown)}"
            source = public.page
        table.add_row(name, f"{listing.images:,}", factors, files, source)
    console.print(table)


def _folder(path: str) -> str:
    return path.split("/")[0] + "/"


def show(name: str, data_dir: Path, output_dir: Path, console: Console) -> None:
    """Writes a contact sheet and a strip for each factor."""
    data = load(name, data_dir)
    for warning in data.warnings:
        console.print(f"warning: {warning}", markup=False, soft_wrap=True)
    stem = Path(data.name).stem
    pictures = {f"{stem}.png": contact_sheet(data)}
    if data.is_grid:
        for i, factor in enumerate(data.factor_names):
            pictures[f"{stem}_{factor}.png"] = strip(data, i)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        for filename, picture in pictures.items():
            picture.save(output_dir / filename)
            console.print(str(output_dir / filename), soft_wrap=True)
    except OSError as error:
        raise UserError(f"cannot write to {output_dir}", received=error.strerror) from error


def download(name: str, data_dir: Path, console: Console) -> None:
    """Fetches the files of a public set that aren't there yet."""
    if name not in PUBLIC_SETS:
        raise UserError(
            "nothing to download",
            expected=f"one of {', '.join(PUBLIC_SETS)}",
            received=repr(name),
            advice="Built-in sets need no files." if name in LISTINGS else None,
        )
    missing = PUBLIC_SETS[name].missing(data_dir)
    for remote in PUBLIC_SETS[name].files:
        if data_dir / remote.path not in missing:
            console.print(f"{data_dir / remote.path}: already there", soft_wrap=True)
            continue
        columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(remote.path, total=remote.size)

            def advance(
                have: int, whole: int | None, bar: Progress = bar, task: TaskID = task
            ) -> None:
                bar.update(task, completed=have, total=whole)

            checked = fetch(remote, data_dir, advance)
        console.print(f"{data_dir / remote.path}: {checked}", soft_wrap=True)
