"""Where the commands print tables, paths and progress."""

from __future__ import annotations

import sys

from rich.console import Console

_WIDE = 10_000


def new_console(*, stderr: bool = False) -> Console:
    """Return a console that prints names, paths and numbers whole.

    A terminal keeps its width. Where there is none, as in a file, in a pipe, under cron or in a
    container, rich would take 80 columns and cut the numbers of wider tables; there a table is
    as wide as its cells. Brackets and colons of a name are no markup.

    Args:
        stderr: print to standard error instead of standard output.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(stderr=stderr, width=width, markup=False, emoji=False)
