"""Checkpoints that are whole: written aside, sealed with digests, renamed into place."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from deltavae.errors import UserError
from deltavae.io import atomic_dir, atomic_write

KEEP = 3


class Checkpoints:
    """The checkpoints of one run: the last three and the best by ELBO.

    A checkpoint is a folder `epoch-NNNNNN`, after that many epochs, or
    `epoch-NNNNNN-step-NNNNNN`, so many steps into the next one, with `variables.npz` (weights,
    capacity, the optimiser's state and running means) and `state.json` (epoch, step,
    history, and the digest of the former).

    Attributes:
        restored: the checkpoint that `restore` found whole; None before, or if there was none.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.restored: Path | None = None

    def save(self, variables: list[tf.Variable], state: dict[str, Any]) -> Path:
        """Write the checkpoint of `state["epoch"]` and drop those no longer kept.

        Args:
            variables: always the same, in the same order.
            state: `epoch` (epochs made), `done` (steps of the next one), `history`, and
                whatever else JSON can hold.

        Returns:
            The checkpoint's folder.
        """
        name = f"epoch-{state['epoch']:06d}"
        if state.get("done"):
            name += f"-step-{state['done']:06d}"
        with atomic_dir(self.folder / name) as folder:
            arrays = {f"{i:04d}": variable.numpy() for i, variable in enumerate(variables)}
            np.savez(folder / "variables.npz", **arrays)
            digest = hashlib.sha256((folder / "variables.npz").read_bytes()).hexdigest()
            text = json.dumps({"state": state, "variables_sha256": digest})
            seal = hashlib.sha256(text.encode()).hexdigest()
            atomic_write(folder / "state.json", text)
            atomic_write(folder / "state.sha256", seal)
        self._prune(state["history"])
        return self.folder / name

    def restore(self, variables: list[tf.Variable]) -> dict[str, Any] | None:
        """Load the newest whole checkpoint into `variables` and return its state.

        A broken one is passed over with a warning. Returns None where there is none at all;
        raises `UserError` where there are some and none is whole, or where the newest whole
        one belongs to another model.
        """
        found = self.all()
        for folder in reversed(found):
            try:
                state, arrays = _read(folder)
            except (OSError, ValueError, KeyError) as error:
                logging.warning(
                    "Checkpoint %s is broken (%s): using the one before.", folder, error
                )
                continue
            _require_same_shapes(folder, variables, arrays)
            for variable, array in zip(variables, arrays, strict=True):
                variable.assign(array)
            self.restored = folder
            return state
        if found:
            raise UserError(
                f"no checkpoint in {self.folder} can be read",
                expected="at least one whole checkpoint",
                received=f"{len(found)} broken",
                advice="Begin again with --overwrite.",
            )
        return None

    def all(self) -> list[Path]:
        """The folders of all checkpoints, oldest first."""
        return sorted(self.folder.glob("epoch-*"))

    def _prune(self, history: list[dict[str, Any]]) -> None:
        found = self.all()
        keep = set(found[-KEEP:])
        if history:
            best = max(history, key=lambda row: row["elbo"])["epoch"] + 1
            keep.add(self.folder / f"epoch-{best:06d}")
        for folder in set(found) - keep:
            shutil.rmtree(folder, ignore_errors=True)


def _require_same_shapes(
    folder: Path, variables: list[tf.Variable], arrays: list[np.ndarray]
) -> None:
    expected, received = f"{len(variables)} variables", f"{len(arrays)} variables"
    if len(variables) == len(arrays):
        pairs = zip(variables, arrays, strict=True)
        other = next((pair for pair in pairs if tuple(pair[0].shape) != pair[1].shape), None)
        if other is None:
            return
        name = getattr(other[0], "path", other[0].name)  # Keras' variables have a path
        expected, received = f"{name} of shape {tuple(other[0].shape)}", f"{other[1].shape}"
    raise UserError(
        f"the checkpoint {folder} belongs to another model",
        expected=expected,
        received=received,
        advice="Resume with the configuration that began the run, or --overwrite it.",
    )


def _read(folder: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    text = (folder / "state.json").read_text()
    if hashlib.sha256(text.encode()).hexdigest() != (folder / "state.sha256").read_text():
        raise ValueError("state.json does not match its digest")
    content = json.loads(text)
    data = (folder / "variables.npz").read_bytes()
    if hashlib.sha256(data).hexdigest() != content["variables_sha256"]:
        raise ValueError("variables.npz does not match its digest")
    with np.load(folder / "variables.npz", allow_pickle=False) as archive:
        return content["state"], [archive[name] for name in sorted(archive.files)]
