"""Runs a script's `main` on its flags; a wrong flag is one line and status 2, help is status 0."""

import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from absl import app, flags


def run(main: Callable[[list[str]], int]) -> NoReturn:
    """Parse the flags of `sys.argv`, call `main` with the rest, exit with what it returns."""
    app.run(main, flags_parser=_parse)
    raise SystemExit  # app.run has exited


def _parse(arguments: Sequence[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        sys.stderr.write(f"error: {error}; --help explains every flag\n")
        raise SystemExit(2) from None
    except SystemExit:  # --help, for which absl exits with 1
        raise SystemExit(0) from None
