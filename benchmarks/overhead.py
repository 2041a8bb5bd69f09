"""What is done beside the optimiser's step, as shares of a step: means, guard, bar, records.

    python benchmarks/overhead.py [--steps 100] [--repeats 5]

Each part is timed by itself, in the processor's time of one core, and set against the step of
the convolutional model at batch 64, 64x64x3. What is done once an epoch is divided by the 1,000
steps of an epoch of a large set; pictures for TensorBoard by the 10,000 between two rounds.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.config import configured
from deltavae.data import load
from deltavae.data.pipeline import batches
from deltavae.run_dir import RunDir
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.compiled_step import TERMS
from deltavae.training.interrupts import StopRequest
from deltavae.training.loop import Loop
from deltavae.training.progress import ProgressBar
from deltavae.training.tensorboard import TensorBoardLog

EPOCH = 1000


def seconds(call: Callable[[], object], times: int, repeats: int) -> float:
    """Processor time of one call, the median over `repeats` rounds of `times` calls."""
    call()
    rounds = []
    for _ in range(repeats):
        begun = time.process_time()
        for _ in range(times):
            call()
        rounds.append((time.process_time() - begun) / times)
    return statistics.median(rounds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=100, help="in each round")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    data = load("turntable")
    with configured(["gin/base.gin"]) as experiment, tempfile.TemporaryDirectory() as folder:
        model, settings = experiment.model(data.image_shape), experiment.settings
        run_dir = RunDir(Path(folder))
        loop = Loop(model, data, settings, Capacity(), run_dir, resume=False)
        resident = next(iter(batches(data, 64, 0, 0, 1)))
        bare = tf.function(model.update)
        step = seconds(lambda: bare(resident), options.steps, options.repeats)

        # the package's step with the model's own work taken out
        zeros = dict.fromkeys(TERMS, tf.zeros([64]))
        zeros["kl_per_factor"] = tf.zeros([64, len(model.posterior.manifold.factors)])
        update, model.update = model.update, lambda images: zeros
        empty = iter(tf.data.Dataset.from_tensors(resident).cache().repeat())
        around = seconds(lambda: loop.compiled_step.run(empty, 1), 1000, options.repeats)
        model.update = update

        console = Console(force_terminal=True, file=open("/dev/null", "w"))
        bar = ProgressBar(10**6, 0, console)
        moved = seconds(lambda: bar.update(1), 1000, options.repeats)
        bar.close()
        check = seconds(lambda: loop.compiled_step.check(None), 1000, options.repeats)
        loop.settings = type(settings)(steps=10**6, steps_per_epoch=1)
        loop.epoch_length = 1
        row = loop.epoch(StopRequest(), ProgressBar(10**6, 0, Console(quiet=True)))
        assert row is not None
        save = seconds(loop._save, 3, options.repeats)
        quiet, pictures = TensorBoardLog(run_dir, every=10**6), TensorBoardLog(run_dir, every=1)
        scalars = seconds(
            lambda: quiet.epoch_done(model, data, row | {"epoch": 1}), 10, options.repeats
        )
        shown = seconds(lambda: pictures.epoch_done(model, data, row), 1, options.repeats)

    parts = {
        "means and guard, in the graph, and the call": around,
        "progress bar": moved,
        "guard read, once a second": check * step,
        "checkpoint and history, once an epoch": save / EPOCH,
        "TensorBoard's scalars, once an epoch": scalars / EPOCH,
        "TensorBoard's pictures, every ten epochs": shown / (10 * EPOCH),
    }
    table = Table(title=f"Beside a step of {1000 * step:.1f} ms")
    table.add_column("part")
    table.add_column("ms a step", justify="right")
    table.add_column("share", justify="right")
    for name, value in parts.items():
        table.add_row(name, f"{1000 * value:.4f}", f"{value / step:.3%}")
    Console().print(table)


if __name__ == "__main__":
    main()
