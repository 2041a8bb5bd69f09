"""All checks of a submission, and the table that shows them."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from deltavae.aicrowd.check_module import check_module
from deltavae.aicrowd.check_repository import check_repository
from deltavae.aicrowd.finding import Finding
from deltavae.errors import UserError


def check_submission(root: Path, run_dir: Path) -> list[Finding]:
    """Check everything that the platform needs.

    Args:
        root: the folder that is handed in, with aicrowd.json, Dockerfile and run.sh.
        run_dir: a run made by its run.sh, with the folder `representation`.

    Raises:
        UserError: there is no folder `root`.
    """
    if not root.is_dir():
        raise UserError("there is no submission", expected="a folder", received=root)
    return [*check_repository(root), *check_module(run_dir / "representation")]


def format_findings(findings: list[Finding]) -> Table:
    """Make a table with one line per finding."""
    table = Table("", "what", "found")
    for finding in findings:
        mark = Text("ok", "green") if finding.ok else Text("no", "red")
        table.add_row(mark, Text(finding.subject), Text(finding.found))
    return table
