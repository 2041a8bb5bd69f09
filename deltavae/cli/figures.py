"""`python -m deltavae.cli.figures RUN_DIR`: the pictures of a run as files."""

import argparse
import sys
from pathlib import Path

from deltavae.cli.startup import start_tensorflow

start_tensorflow()

from rich.console import Console

from deltavae.errors import UserError
from deltavae.report.run_artifacts import gather
from deltavae.report.section import write_picture
from deltavae.report.sections import chapters


def main(arguments: list[str] | None = None) -> int:
    """Write every picture and say what was left out; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m deltavae.cli.figures", description=__doc__)
    parser.add_argument("run_dir", help="a folder that train.py wrote")
    parser.add_argument("--output_dir", help="where to; default: RUN_DIR/plots")
    parser.add_argument("--data_dir", help="where the data sets lie")
    chosen = parser.parse_args(arguments)
    console = Console(soft_wrap=True)
    try:
        material = gather(chosen.run_dir, chosen.data_dir)
        folder = Path(chosen.output_dir or material.dir.path / "plots")
        for chapter in chapters(material):
            for picture in chapter.pictures:
                for path in write_picture(picture, folder):
                    console.print(str(path), markup=False, highlight=False)
            for what, why in chapter.left_out:
                console.print(f"left out: {what}: {why}", markup=False, highlight=False)
    except UserError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
