"""Score a representation: `deltavae evaluate` without installing."""

import sys

from deltavae.cli.main import run_command

if __name__ == "__main__":
    sys.exit(run_command("evaluate", sys.argv[1:], "python evaluate.py"))
