"""`deltavae data list | show NAME | download NAME`."""

from __future__ import annotations

import argparse
import io
import math
import re
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from deltavae.cli.flags import Parser
from deltavae.errors import UserError, unknown_name
from deltavae.io import atomic_write

if TYPE_CHECKING:
    from rich.console import Console

    from deltavae.data.public.base import PublicData, PublicFile

PICTURES = "scratch/pictures"


def parser(prog: str) -> Parser:
    """Return the flags of `data`."""
    flags = Parser(
        prog,
        "List the datasets, show one as pictures, or download the files of a public one.",
        ["list", "show turntable --output_dir pictures"],
        "list | show NAME | download NAME",
    )
    add = flags.add_argument
    add("action", choices=["list", "show", "download"], help=argparse.SUPPRESS)
    add("name", nargs="?", help=argparse.SUPPRESS)
    add(
        "--output_dir",
        metavar="DIR",
        help=f"Where `show` writes; default: {PICTURES}.",
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
    if options.output_dir and options.action != "show":
        raise UserError(
            "--output_dir is where `data show` writes its pictures",
            expected=f"`data {options.action}` without it",
            received=f"--output_dir {options.output_dir}",
            advice="--data_dir names the folder of the datasets.",
        )
    # imported here, so that a wrong flag is answered at once
    from deltavae.cli.console import new_console
    from deltavae.data.registry import default_data_dir

    console = new_console()
    if options.action == "list":
        list_datasets(default_data_dir(), console)
    elif options.action == "show":
        show(options.name, default_data_dir(), Path(options.output_dir or PICTURES), console)
    else:
        download(options.name, default_data_dir(), console)
    return 0


def list_datasets(data_dir: Path, console: Console) -> None:
    """Print a table of every dataset; nothing is opened for it."""
    from rich.table import Table

    from deltavae.data.public.base import PublicData
    from deltavae.data.registry import DATASETS

    table = Table(title=f"Datasets; public files are looked for in {data_dir}")
    for title in ("name", "images", "factors (* on a circle)", "files", "from"):
        # A name that is broken over lines can't be copied.
        table.add_column(title, overflow="fold", no_wrap=title == "name")
    for name, dataset in DATASETS.items():
        factors = ", ".join(
            f"{factor.name}{'' if factor.symmetry is None else '*'} {factor.size}"
            for factor in dataset.grid
            if not factor.nuisance
        )
        files, source = "none needed", "drawn here"
        if issubclass(dataset, PublicData):
            state = "missing" if dataset.missing(data_dir) else "present"
            # Of many files only the folder is named.
            few = len(dataset.files) < 3
            paths = [f.path if few else f"{f.path.split('/')[0]}/" for f in dataset.files]
            files, source = f"{state}: {', '.join(dict.fromkeys(paths))}", dataset.page
        images = math.prod(factor.size for factor in dataset.grid)
        table.add_row(name, f"{images:,}", factors, files, source)
    console.print(table)


def show(name: str, data_dir: Path, output_dir: Path, console: Console) -> None:
    """Write a contact sheet and a strip for each factor."""
    from deltavae.data import load
    from deltavae.data.contact_sheet import contact_sheet, strip

    data = load(name, data_dir)
    for warning in data.warnings:
        console.print(f"warning: {warning}", soft_wrap=True)
    stem = Path(data.name).name.removesuffix(".npz")
    pictures = {f"{stem}.png": contact_sheet(data)}
    if data.is_grid:
        for i, factor in enumerate(data.factor_names):
            # A custom dataset may call a factor anything, such as "weight/kg".
            name = re.sub(r"[^\w.-]", "_", factor)
            same = f"{stem}_{name}.png" in pictures
            pictures[f"{stem}_{name}{f'_{i}' if same else ''}.png"] = strip(data, i)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        for filename, picture in pictures.items():
            content = io.BytesIO()
            picture.save(content, "PNG")
            atomic_write(output_dir / filename, content.getvalue())
            console.print(str(output_dir / filename), soft_wrap=True)
    except OSError as error:
        raise UserError(f"cannot write to {output_dir}", received=error.strerror) from error


def download(name: str, data_dir: Path, console: Console) -> None:
    """Fetch the files of a public dataset that aren't there, or don't open."""
    from deltavae.data.download import verify
    from deltavae.data.public.base import PublicData
    from deltavae.data.registry import DATASETS

    public = [name for name, dataset in DATASETS.items() if issubclass(dataset, PublicData)]
    dataset = DATASETS.get(name)
    if dataset is None:
        raise unknown_name("unknown public dataset", name, public)
    if not issubclass(dataset, PublicData):
        raise UserError(
            f"{name} is drawn by this package, so there is nothing to download",
            expected=f"one of {', '.join(public)}",
            received=repr(name),
        )
    for file in dataset.files:
        found = file.within(data_dir)
        if found is not None:
            usable, checked = verify(file, found)
            if usable:
                console.print(f"{found}: already there, {checked}", soft_wrap=True)
                continue
            if found.is_dir() or not file.urls:
                raise UserError(
                    f"{found} can't be used",
                    received=checked,
                    advice=f"delete it and run the command again; it comes from {dataset.page}",
                )
            found.unlink()
            console.print(f"{found}: {checked}, so it was deleted", soft_wrap=True)
        checked = _fetch(dataset, file, data_dir, console)
        console.print(f"{data_dir / file.path}: {checked}", soft_wrap=True)


def _fetch(dataset: type[PublicData], file: PublicFile, data_dir: Path, console: Console) -> str:
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    from deltavae.data.download import fetch

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(file.path, total=file.size)

        def advance(have: int, whole: int | None) -> None:
            bar.update(task, completed=have, total=whole)

        return fetch(file, data_dir, dataset.page, advance)
