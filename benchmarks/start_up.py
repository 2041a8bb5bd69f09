"""Where the CPU time goes from `train.py` to the first step, by phases.

    python benchmarks/start_up.py [--beside FOLDER] [--repeats 5] [-- FLAG ...]

Runs `deltavae train` in processes of their own, which end after the first step, and prints the
medians of each phase. With `--beside` another checkout of the package, such as one from before a
change, takes turns. Flags after `--` are those of `train`; the default is gin/trial.gin.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parents[1]
PHASES = (
    "Python and the command's flags",
    "TensorFlow and Keras imported, devices found",
    "TensorFlow Probability and this package imported",
    "data set and model made",
    "optimiser and loop made",
    "batches begun",
    "first step: traced, its graph optimised, made",
)


def start(flags: list[str]) -> None:
    """Start training in this process; print the CPU time at the end of each phase, and end."""
    sys.path.insert(0, os.getcwd())
    from deltavae.cli import train
    from deltavae.cli.main import run_command

    at: list[float] = []

    def mark() -> None:
        at.append(time.process_time())

    start_tensorflow = train.start_tensorflow

    def started() -> None:
        mark()
        start_tensorflow()
        mark()
        import keras

        seed = keras.utils.set_random_seed
        keras.utils.set_random_seed = lambda number: (seed(number), imported())

    def imported() -> None:
        mark()
        from deltavae.training.compiled_step import CompiledStep
        from deltavae.training.loop import Loop

        make, run = Loop.__init__, CompiledStep.run

        def made(loop: Loop, *arguments: object) -> None:
            mark()
            make(loop, *arguments)
            mark()

        def stepped(step: CompiledStep, *arguments: object) -> None:
            mark()
            run.__get__(step, CompiledStep)(*arguments)
            step.sums.numpy()
            mark()
            print("phases", json.dumps(at), flush=True)
            os._exit(0)

        Loop.__init__, CompiledStep.run = made, stepped

    train.start_tensorflow = started
    run_command("train", flags, "train.py")


def measure(checkout: Path, flags: list[str]) -> list[float]:
    """CPU seconds of each phase in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, __file__, "--start", "--", *flags, f"--output_dir={folder}/run"],
            cwd=checkout,
            capture_output=True,
            text=True,
        )
    lines = [line for line in done.stdout.splitlines() if line.startswith("phases ")]
    if not lines:
        raise SystemExit(done.stderr)
    at = json.loads(lines[0].removeprefix("phases "))
    return [end - begin for begin, end in zip([0.0, *at], at, strict=False)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--beside", type=Path, metavar="FOLDER", help="another checkout")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--start", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("flags", nargs="*", help="flags of train, after --")
    options = parser.parse_args()
    flags = options.flags or ["--gin_config", "gin/trial.gin"]
    if options.start:
        start(flags)
        return
    checkouts = {"beside": options.beside.resolve()} if options.beside else {}
    checkouts["here"] = HERE
    found: dict[str, list[list[float]]] = {name: [] for name in checkouts}
    for turn in range(options.repeats + 1):
        for name, checkout in checkouts.items():
            seconds = measure(checkout, flags)
            if turn:  # the first finds files that are not in memory yet
                found[name].append(seconds)
    table = Table(title=f"CPU seconds to the first step, medians of {options.repeats}")
    table.add_column("phase")
    for name in checkouts:
        table.add_column(name, justify="right")
    for phase, name in enumerate(PHASES):
        middle = [statistics.median(run[phase] for run in runs) for runs in found.values()]
        table.add_row(name, *(f"{value:.2f}" for value in middle))
    totals = [[sum(run) for run in runs] for runs in found.values()]
    table.add_section()
    table.add_row("all", *(f"{statistics.median(runs):.2f}" for runs in totals))
    table.add_row("range", *(f"{min(runs):.2f} - {max(runs):.2f}" for runs in totals))
    Console().print(table)


if __name__ == "__main__":
    main()
