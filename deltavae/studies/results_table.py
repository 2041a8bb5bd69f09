"""The table of a study: a row for each run and readout, as JSON lines and as CSV."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from deltavae.io import atomic_write

KEYS = ("setting", "variant", "dataset", "seed", "readout", "run")
"""Columns that say what a row is of; all others are values and scores."""


class Stream:
    """Rows appended to a file of JSON lines, each on disk when `add` returns."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.close = file.close

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows."""
        self._file.write("".join(json.dumps(row) + "\n" for row in rows))
        self._file.flush()


@contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """A stream that starts anew: what is finished is put into it from the runs' own files."""
    with path.open("w", encoding="utf-8") as file:
        yield Stream(file)


def read_table(stream: Path) -> pd.DataFrame:
    """All rows, sorted by what they are of, its columns first; empty where nothing is done."""
    lines = stream.read_text(encoding="utf-8").splitlines() if stream.exists() else []
    table = pd.DataFrame([json.loads(line) for line in lines])
    if table.empty:
        return pd.DataFrame(columns=list(KEYS))
    rest = [name for name in table.columns if name not in KEYS]
    return table[[*KEYS, *rest]].sort_values(list(KEYS), ignore_index=True)


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write the CSV, for `pandas.read_csv`, which reads an empty variant as NaN."""
    atomic_write(path, table.to_csv(index=False))
