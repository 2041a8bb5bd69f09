"""A finished run, read back as a library object."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import keras

import deltavae.posteriors  # noqa: F401  registers what a saved model names
from deltavae.data import GroundTruthData, load
from deltavae.errors import UserError
from deltavae.io import read_json
from deltavae.models.delta_vae import DeltaVAE
from deltavae.run_dir import RunDir


@dataclasses.dataclass(frozen=True)
class Run:
    """What `load_run` returns.

    Attributes:
        dir: the names of the run's files.
        model: the trained model, with its readout.
        data: the data set it was trained on; None where its files are not present.
        config: the operative configuration, gin text.
        info: data set, readout, settings and versions (`model/run.json`).
        history: one row per epoch.
    """

    dir: RunDir
    model: DeltaVAE
    data: GroundTruthData | None
    config: str
    info: dict[str, Any]
    history: list[dict[str, Any]]


def load_run(path: str | os.PathLike[str], data_dir: str | None = None) -> Run:
    """Read a run folder that `train.py` wrote.

    Args:
        path: the run's folder.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.

    Raises:
        UserError: where the folder holds no finished run.
    """
    run_dir = RunDir(path)
    if not run_dir.keras_model.is_file():
        raise UserError(
            f"{Path(path)} holds no finished run",
            expected=f"a trained model at {run_dir.keras_model}",
            received="none",
            advice="Train one with train.py --output_dir, or --resume an interrupted one.",
        )
    info = read_json(run_dir.info)
    try:
        data = load(info["dataset"], data_dir)
    except UserError:
        data = None
    return Run(
        dir=run_dir,
        model=keras.saving.load_model(run_dir.keras_model, compile=False),
        data=data,
        config=run_dir.config.read_text(),
        info=info,
        history=read_json(run_dir.history),
    )
