"""Training: from a model and a data set to a run folder with an exported representation."""

import dataclasses
import os
import random
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from rich.console import Console

from deltavae import __version__
from deltavae.aicrowd import Events
from deltavae.callbacks import NanGuard, ProgressBar
from deltavae.checkpoints import Checkpoints
from deltavae.data import GroundTruthData
from deltavae.data.pipeline import batches
from deltavae.data.subset import Subset, split
from deltavae.errors import UserError
from deltavae.export import export_representation
from deltavae.readouts import fit_readout
from deltavae.run_dir import RunDir, write_json
from deltavae.schedules import Capacity, count_epochs, epoch_length
from deltavae.vae import METRICS, DeltaVAE


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """How long and how to train; the gin names are `train.<field>`.

    Args:
        steps: optimiser steps in all.
        batch_size: images per step.
        steps_per_epoch: steps between two changes of C and two checkpoints; None is one
            pass over the images, at most 1,000.
        learning_rate: of Adam.
        beta1: Adam's decay of the mean.
        beta2: Adam's decay of the squares.
        epsilon: Adam's.
        clip_norm: bound on the norm of all gradients together; None for none.
        holdout: fraction of the images that is not trained on, the same images for every seed.
        seed: of weights, noise and the order of images.
        deterministic: use TensorFlow's deterministic ops, so that the same seed gives the
            same weights bit for bit on the same machine; slower.
        max_hours: time budget; training ends in time, with the ramp of C restated to fit.
        steps_per_execution: steps that one call of the compiled function makes.
    """

    steps: int = 300_000
    batch_size: int = 64
    steps_per_epoch: int | None = None
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None
    holdout: float = 0.0
    seed: int = 0
    deterministic: bool = False
    max_hours: float | None = None
    steps_per_execution: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "steps_per_epoch", "steps_per_execution"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise UserError(
                    f"train.{name} is impossible", expected="a whole number >= 1", received=value
                )
        if not 0 <= self.holdout < 1:
            raise UserError(
                "train.holdout is impossible", expected="0 <= holdout < 1", received=self.holdout
            )
        for name in ("learning_rate", "clip_norm", "max_hours"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(
                    f"train.{name} is impossible", expected="a number > 0", received=value
                )


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
    events: Events | None = None,
    console: Console | None = None,
) -> list[dict[str, Any]]:
    """Train `model` on the images of `data` and export its representation into `run_dir`.

    Nothing of the labels is used. After each epoch a checkpoint is written; with `resume`
    the newest whole one is continued from.

    Args:
        model: made after `seed_everything`.
        data: where images come from.
        settings: steps, batch, optimiser, budget.
        capacity: schedule of C over epochs.
        run_dir: where everything goes.
        config: operative configuration, saved beside the model.
        readout: of the exported representation (`deltavae.readouts`).
        resume: continue from a checkpoint.
        events: reports progress to the platform.
        console: where progress is shown.

    Returns:
        The history, one row per epoch.
    """
    events = events or Events()
    console = console or Console(stderr=True)
    images = split(data, settings.holdout)[0] if settings.holdout else data
    steps_per_epoch = epoch_length(
        images.num_images, settings.batch_size, settings.steps_per_epoch
    )
    optimizer = keras.optimizers.Adam(
        settings.learning_rate,
        settings.beta1,
        settings.beta2,
        settings.epsilon,
        global_clipnorm=settings.clip_norm,
    )
    optimizer.build(model.trainable_variables)
    model.compile(optimizer=optimizer, steps_per_execution=settings.steps_per_execution)
    checkpoints = Checkpoints(run_dir.checkpoints)
    variables = state_variables(model)
    history: list[dict[str, Any]] = []
    if resume and (state := checkpoints.restore(variables)):
        history = state["history"]
    write_run_info(run_dir, data, settings, readout, config)

    total_epochs = count_epochs(settings.steps, steps_per_epoch)
    step = history[-1]["step"] if history else 0
    spent = sum(row["seconds"] for row in history)
    progress = ProgressBar(settings.steps, step, console)
    guard = NanGuard()
    last = "none yet"
    try:
        for epoch in range(len(history), total_epochs):
            begun = time.monotonic()
            model.capacity.assign(capacity.at(epoch, total_epochs))
            steps = min(steps_per_epoch, settings.steps - step)
            dataset = batches(images, settings.batch_size, settings.seed, epoch, steps)
            model.fit(dataset, verbose=0, shuffle=False, callbacks=[progress])
            step += steps
            row = {"epoch": epoch, "step": step}
            row |= {name: float(model.trackers[name].result()) for name in METRICS}
            row |= {
                "learning_rate": settings.learning_rate,
                "seconds": round(time.monotonic() - begun, 3),
            }
            guard.check(row, last)
            history.append(row)
            checkpoints.save(variables, {"epoch": epoch + 1, "step": step, "history": history})
            last = str(checkpoints.all()[-1])
            write_json(run_dir.history, history)
            progress.epoch_done(row)
            events.progress(step / settings.steps)
            spent += row["seconds"]
            if settings.max_hours is not None:
                remaining = settings.max_hours * 3600 - spent
                fits = epoch + 1 + int(remaining / (spent / (epoch + 1)))
                if fits <= epoch + 1:
                    break
                total_epochs = min(count_epochs(settings.steps, steps_per_epoch), fits)
    finally:
        progress.close()
    finish(model, images, run_dir, readout, settings.seed)
    return history


def state_variables(model: DeltaVAE) -> list[tf.Variable]:
    """All that a resumed run needs: weights, capacity and the optimiser's state, in order."""
    trackers = {id(variable) for variable in model.metrics_variables}
    found = {id(v): v for v in [*model.variables, *model.optimizer.variables]}
    return [variable for key, variable in found.items() if key not in trackers]


def finish(
    model: DeltaVAE, data: GroundTruthData | Subset, run_dir: RunDir, readout: str, seed: int
) -> None:
    """Fit the readout on training images, save the model, export the representation."""
    chosen = np.random.RandomState(seed).randint(data.num_images, size=4096)
    images = data.images(np.unique(chosen))
    codes = np.concatenate(
        [model.embedding(images[i : i + 256]).numpy() for i in range(0, len(images), 256)]
    )
    model.readout = fit_readout(readout, codes, model.posterior.manifold)
    temporary = run_dir.model / ".model.tmp.keras"
    model.save(temporary)
    os.replace(temporary, run_dir.keras_model)
    export_representation(
        model, run_dir.representation, dataset_name=data.name, example_images=images[:64]
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
    run_dir.config.write_text(config)
    write_json(
        run_dir.info,
        {
            "dataset": data.name,
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
