"""`python -m deltavae.cli.submission check [DIR]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from deltavae.aicrowd.check import check_submission, format_findings
from deltavae.aicrowd.check_repository import next_tag
from deltavae.aicrowd.events import environment
from deltavae.cli.startup import start_tensorflow
from deltavae.errors import UserError


def main() -> int:
    """Prints the table; 0 where all is right, 1 where not, 2 where there is nothing to check."""
    parser = argparse.ArgumentParser(prog="python -m deltavae.cli.submission", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser(
        "check", help="check everything that the platform needs", description=__doc__
    )
    command.add_argument("DIR", nargs="?", default=".", type=Path, help="default: this folder")
    command.add_argument(
        "--run_dir",
        type=Path,
        help="a run made by run.sh; default: the one that the platform's variables name, in DIR",
    )
    chosen = parser.parse_args()
    start_tensorflow()
    try:
        run_dir = chosen.run_dir or chosen.DIR / environment().run_path
        findings = check_submission(chosen.DIR, run_dir)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    console = Console()
    console.print(format_findings(findings))
    if not all(finding.ok for finding in findings):
        console.print(f"{sum(not finding.ok for finding in findings)} to mend before a submission")
        return 1
    tag = next_tag(chosen.DIR)
    console.print(
        f"Ready. To submit this commit, push a tag whose name begins with submission-:\n"
        f"  git tag -a {tag} -m {tag}\n  git push aicrowd HEAD {tag}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
