"""`deltavae submission check [DIR] | event submit | event error MESSAGE`."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path

from deltavae.aicrowd.events import Events, environment
from deltavae.cli.flags import Parser
from deltavae.cli.startup import start_tensorflow
from deltavae.errors import UserError


def parser(prog: str) -> Parser:
    """The flags of `submission`."""
    flags = Parser(
        prog,
        "Check everything that the challenge's platform needs, or send one of its events.",
        ["check --run_dir runs/demo", 'event error "training ended with status 137"'],
        "check [DIR] | event start|submit|error MESSAGE",
    )
    add = flags.add_argument
    add("action", choices=["check", "event"], help=argparse.SUPPRESS)
    add("arguments", nargs="*", help=argparse.SUPPRESS)
    add(
        "--run_dir",
        metavar="RUN",
        help="The run to check; default: where run.sh puts it, below DIR, the folder that is "
        "handed in (default: the current one).",
    )
    return flags


def command(options: Namespace) -> int:
    """Check, or send the event."""
    if options.run_dir and options.action != "check":
        raise UserError(
            "--run_dir is the run that `submission check` checks",
            expected=f"`submission {options.action}` without it",
            received=f"--run_dir {options.run_dir}",
        )
    match options.action, options.arguments:
        case "check", []:
            return _check(Path(), options.run_dir)
        case "check", [folder]:
            return _check(Path(folder), options.run_dir)
        case "event", ["start"]:
            Events().started()
            return 0
        case "event", ["submit"]:
            Events().submit()
            return 0
        case "event", ["error", message]:
            Events().error(message)
            return 0
    raise UserError(
        f"`submission {options.action}` does not take these arguments",
        expected="check [DIR], event start, event submit, or event error MESSAGE",
        received=" ".join(options.arguments) or "none",
    )


def _check(folder: Path, run_dir: str | None) -> int:
    start_tensorflow()
    from deltavae.aicrowd.check import check_submission, format_findings
    from deltavae.aicrowd.check_repository import next_tag
    from deltavae.cli.console import new_console

    console = new_console()
    run = Path(run_dir) if run_dir else folder / environment().run_path
    console.print(f"{folder.resolve()}, with the run {run}", soft_wrap=True)
    findings = check_submission(folder, run)
    console.print(format_findings(findings))
    if not all(finding.ok for finding in findings):
        console.print(f"{sum(not finding.ok for finding in findings)} to fix before a submission")
        return 1
    tag = next_tag(folder)
    console.print(
        f"Ready. To submit this commit, push a tag whose name begins with submission-:\n"
        f"  git tag -a {tag} -m {tag}\n  git push aicrowd HEAD {tag}",
        soft_wrap=True,
    )
    return 0
