"""`python -m deltavae.cli.report RUN_DIR ...`: the page of a run, or one that compares several."""

import argparse
import sys
from pathlib import Path

from deltavae.cli.startup import start_tensorflow

start_tensorflow()

from rich.console import Console

from deltavae.errors import UserError
from deltavae.report import write_comparison, write_report


def main(arguments: list[str] | None = None) -> int:
    """Write the page and name it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deltavae.cli.report", description=__doc__)
    parser.add_argument("run_dir", nargs="+", help="folders that train.py wrote")
    parser.add_argument(
        "--compare", action="store_true", help="put the runs side by side, in one page"
    )
    parser.add_argument(
        "--output", default="comparison.html", help="file of the comparison (comparison.html)"
    )
    parser.add_argument("--data_dir", help="where the data sets lie")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        if chosen.compare:
            written = [write_comparison(chosen.run_dir, Path(chosen.output))]
        else:
            written = [write_report(folder, chosen.data_dir) for folder in chosen.run_dir]
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    for path in written:
        console.print(str(path), markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
