"""`deltavae COMMAND`, and `python -m deltavae COMMAND`."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import deltavae
from deltavae.cli import startup
from deltavae.cli.exit_status import exit_status
from deltavae.errors import unknown_name

COMMANDS = {
    "train": "train a model and export its representation",
    "evaluate": "score a run, an exported module, or codes that anything else made",
    "study": "train and score many runs, and compare them",
    "report": "write the page of a run, or one that compares several",
    "data": "list, show and download data sets",
    "submission": "check a submission to the challenge, and send the platform's events",
}
# processes that a study starts
_INTERNAL = ("study_worker",)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns its exit status.

    Args:
        arguments: the command and its flags; those of the process if not given.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    prog = "python -m deltavae" if Path(sys.argv[0]).name == "__main__.py" else "deltavae"
    name = arguments[0] if arguments else ""
    if name in COMMANDS or name in _INTERNAL:
        return run_command(name, arguments[1:], f"{prog} {name}")
    if name in ("--help", "-h", "help"):
        sys.stdout.write(_help(prog))
        return 0
    if name == "--version":
        sys.stdout.write(f"deltavae {deltavae.__version__}\n")
        return 0
    error = unknown_name("unknown command" if name else "no command given", name, COMMANDS)
    sys.stderr.write(f"error: {error.message}\n")
    return 2


def run_command(name: str, arguments: Sequence[str], prog: str) -> int:
    """Parse the flags of one command and carry it out; returns its exit status.

    Args:
        name: a key of `COMMANDS`, and a module of this package with `parser` and `command`.
        arguments: its flags.
        prog: how the user called it.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it may have no letters for a name
            stream.reconfigure(errors="backslashreplace")
    module = importlib.import_module(f"deltavae.cli.{name}")
    try:
        options = module.parser(prog).parse(arguments)
    except SystemExit as end:
        return int(end.code or 0)
    with startup.verbosity(options.verbosity), _data_dir(getattr(options, "data_dir", None)):
        return exit_status(lambda: module.command(options))


@contextlib.contextmanager
def _data_dir(folder: str | None) -> Iterator[None]:
    """Let `--data_dir` stand for DISENTANGLEMENT_LIB_DATA, here and in processes started here."""
    name = "DISENTANGLEMENT_LIB_DATA"
    before = os.environ.get(name)
    if folder is not None:
        os.environ[name] = os.path.abspath(os.path.expanduser(folder))
    try:
        yield
    finally:
        if before is not None:
            os.environ[name] = before
        elif folder is not None:
            del os.environ[name]


def _help(prog: str) -> str:
    width = max(map(len, COMMANDS))
    return (
        f"usage: {prog} COMMAND [FLAG ...]\n\n{deltavae.__doc__.splitlines()[0]}\n\ncommands:\n"
        + "".join(f"  {name:{width}}  {what}\n" for name, what in COMMANDS.items())
        + f"\n{prog} COMMAND --help explains the flags of one.\n\nexamples:\n"
        f"  {prog} train --gin_config gin/demo.gin --output_dir runs/demo\n"
        f"  {prog} evaluate --run_dir runs/demo --settings fast\n"
    )
