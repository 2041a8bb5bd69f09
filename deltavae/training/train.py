"""Training: from a model and a data set to a run folder with an exported representation."""

import contextlib
import dataclasses
import os
import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from deltavae import __version__
from deltavae.data import GroundTruthData
from deltavae.data.batches import map_batches
from deltavae.data.subset import Subset, split
from deltavae.export.representation import export_representation
from deltavae.io import atomic_write, write_json
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import to_float32
from deltavae.models.readouts import fit_readout
from deltavae.run_dir import RunDir
from deltavae.training.capacity_schedule import Capacity
from deltavae.training.interrupts import Interrupted, StopRequest
from deltavae.training.loop import Loop
from deltavae.training.progress import ProgressBar
from deltavae.training.settings import TrainSettings
from deltavae.training.strategy import workers_watched
from deltavae.training.tensorboard import TensorBoardLog


def seed_everything(seed: int, deterministic: bool) -> None:
    """Fix the seeds of Python, NumPy and TensorFlow, before the model is made."""
    random.seed(seed)
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def train(
    model: DeltaVAE,
    data: GroundTruthData,
    settings: TrainSettings,
    capacity: Capacity,
    run_dir: RunDir,
    *,
    config: str = "",
    readout: str = "embedding",
    resume: bool = False,
    on_progress: Callable[[float], object] | None = None,
    console: Console | None = None,
    stop: StopRequest | None = None,
    export_when_stopped: bool = False,
    log: TensorBoardLog | None = None,
    strategy: tf.distribute.Strategy | None = None,
    chief: bool = True,
) -> list[dict[str, Any]]:
    """Train `model` on the images of `data` and export its representation into `run_dir`.

    Nothing of the labels is used. A checkpoint is written after each epoch and when the run
    is stopped; with `resume` the newest whole one is continued from, and everything after
    it is as if nothing had happened.

    Args:
        model: made after `seed_everything`.
        data: where images come from.
        settings: steps, batch, optimiser, budget.
        capacity: schedule of C over epochs.
        run_dir: where everything goes.
        config: operative configuration, saved beside the model.
        readout: of the exported representation (`deltavae.models.readouts`).
        resume: continue from a checkpoint.
        on_progress: called after each epoch with the share of the steps made, in [0, 1].
        console: where progress is shown.
        stop: says when a signal asked to stop.
        export_when_stopped: then export what there is and return.
        log: what is written for TensorBoard after each epoch.
        strategy: the model was made in its scope (`deltavae.training.strategy`); None for none.
        chief: whether this process, of several that train together, writes files.

    Returns:
        The history, one row per epoch.

    Raises:
        Interrupted: a signal asked to stop; a checkpoint holds all that was done.
        UserError: a term of the loss is no longer a number; earlier checkpoints are kept.
    """
    stop = stop or StopRequest()
    images = split(data, settings.holdout)[0] if settings.holdout else data
    strategy = strategy or tf.distribute.get_strategy()
    with strategy.scope():
        run = Loop(model, images, settings, capacity, run_dir, resume, chief)
    if chief:
        write_run_info(run_dir, data, settings, readout, config)
    console = console or Console(stderr=True)
    if run.step:
        console.print(where_it_stands(run, settings), markup=False, soft_wrap=True)
    progress = ProgressBar(settings.steps, run.step, console, model.objective.reports)
    try:
        advice = "Start all of them again with --resume."
        with stop.deferred(), workers_watched(strategy, advice):
            while run.should_continue() and stop.number is None:
                row = run.epoch(stop, progress)
                if row is None:
                    break
                progress.epoch_done(row)
                if log is not None:
                    log.epoch_done(model, data, row)
                if on_progress is not None:
                    on_progress(run.step / settings.steps)
            if stop.number is not None and not export_when_stopped:
                raise Interrupted(stop.number, f" at step {run.step:,}, saved in {run.last}")
    finally:
        progress.close()
    if not chief:
        return run.history
    with stop.deferred() if export_when_stopped else contextlib.nullcontext():
        if run.history:
            kl_per_factor = run.history[-1].get("kl_per_factor")
        else:  # stopped in its first epoch
            kl_per_factor = run.compiled_step.kl_per_factor() if run.done else None
        finish(model, images, run_dir, readout, settings.seed, kl_per_factor)
    return run.history


def where_it_stands(run: Loop, settings: TrainSettings) -> str:
    """Return a sentence on what a resumed run has made, and what it will do."""
    at = f"{run.step:,} of {settings.steps:,} steps are made"
    if run.should_continue():
        return f"{at}; training goes on"
    if run.step >= settings.steps:
        end, more = "this run is finished", f"train.steps = {2 * run.step}"
    else:
        hours = 2 * (settings.max_hours or 1)
        end, more = "the time of this run is over", f"train.max_hours = {hours:g}"
    return (
        f"{end}: {at}. Nothing is trained, and the same weights are exported again; to train it "
        f'further, add for example --gin_bindings "{more}" to --resume'
    )


def finish(
    model: DeltaVAE,
    data: GroundTruthData | Subset,
    run_dir: RunDir,
    readout: str,
    seed: int,
    kl_per_factor: Sequence[float] | None = None,
) -> None:
    """Fit the readout on training images, save the model, export the representation.

    `kl_per_factor`, the mean KL of each factor of the latent space in the last epoch, is asked
    for by readouts of active factors.
    """
    to_float32(model.encoder)
    to_float32(model.decoder)
    chosen = np.random.RandomState(seed).randint(data.num_images, size=4096)
    images = data.images(np.unique(chosen))
    codes = map_batches(lambda batch: model.embedding(batch).numpy(), images)
    model.readout = fit_readout(readout, codes, model.posterior.manifold, kl_per_factor)
    name = run_dir.keras_model.name
    # as `io.atomic_write` names it, for what a kill leaves to be found
    with tempfile.TemporaryDirectory(dir=run_dir.model, prefix=f".{name}.") as folder:
        model.save(Path(folder) / name)
        os.replace(Path(folder) / name, run_dir.keras_model)
    export_representation(
        model,
        run_dir.representation,
        dataset_name=data.name,
        dataset_digest=data.digest,
        example_images=images[:64],
    )


def write_run_info(
    run_dir: RunDir,
    data: GroundTruthData,
    settings: TrainSettings,
    readout: str,
    config: str,
) -> None:
    """Write the operative configuration and `run.json`: data set, seed, versions."""
    run_dir.model.mkdir(parents=True, exist_ok=True)
    atomic_write(run_dir.config, config)
    write_json(
        run_dir.info,
        {
            "dataset": data.name,
            "dataset_digest": data.digest,
            "readout": readout,
            "settings": dataclasses.asdict(settings),
            "versions": {
                "deltavae": __version__,
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
            },
        },
    )
