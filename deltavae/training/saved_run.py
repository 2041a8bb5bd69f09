"""A run's folder, read back part by part."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import keras
import numpy as np

import deltavae.posteriors  # noqa: F401  registers what a saved model names
from deltavae.data import GroundTruthData, load
from deltavae.data.batches import map_batches
from deltavae.data.registry import current_name
from deltavae.errors import UserError, command
from deltavae.export.representation import damage_named, load_representation
from deltavae.io import read_json
from deltavae.manifolds import Manifold
from deltavae.models.delta_vae import DeltaVAE
from deltavae.run_dir import RunDir

NUM_CODES = 3000
PARTS = ("info", "history", "config", "scores", "data", "model", "representation")
"""What a run may lack, in the order in which `Run.missing` names it."""

T = TypeVar("T")


def _part(read: Callable[[Any], T]) -> functools.cached_property[T]:
    """A part that is read once, when it is asked for.

    Whatever a damaged file makes its reader raise becomes a `UserError` that names the part.
    """

    @functools.wraps(read)
    def reading(run: "Run") -> T:
        try:
            return read(run)
        except UserError:
            raise
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise UserError(
                f"the {read.__name__} of {run.dir.path} is damaged ({reason})"
            ) from error

    return functools.cached_property(reading)


class Run:
    """A run that `train.py` wrote, whole or not.

    Every part is read when it is first asked for; one that is missing or damaged raises a
    `UserError` with the reason. `missing` collects the reasons.

    Args:
        path: the run's folder.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.

    Attributes:
        dir: the names of the run's files.

    Raises:
        UserError: the folder is not there, or has nothing of a run in it.
    """

    def __init__(self, path: str | os.PathLike[str], data_dir: str | None = None) -> None:
        self.dir = RunDir(path)
        self._data_dir = data_dir
        known = (self.dir.info, self.dir.history, self.dir.keras_model, self.dir.scores)
        if not any(p.is_file() for p in known) and not self.dir.representation.is_dir():
            raise UserError(
                f"{self.dir.path} holds nothing of a run",
                expected=f"a folder that {command('train')} wrote",
            )

    @_part
    def info(self) -> dict[str, Any]:
        """Data set, readout, settings and versions (`model/run.json`)."""
        return read_json(self._file(self.dir.info))

    @_part
    def history(self) -> list[dict[str, Any]]:
        """One row per epoch, the means of its terms in nats per image."""
        return read_json(self._file(self.dir.history), kind=list)

    @_part
    def config(self) -> str:
        """The operative configuration, gin text."""
        return self._file(self.dir.config).read_text()

    @_part
    def scores(self) -> dict[str, Any]:
        """What `evaluate.py` wrote (`scores.json`)."""
        return read_json(self._file(self.dir.scores))

    @_part
    def data(self) -> GroundTruthData:
        """The data set that it was trained on, by its digest where a file of the run has it."""
        sources = (self.get(part, {}) for part in ("info", "scores"))
        named = next((source for source in sources if source.get("dataset")), None)
        if named is None:
            raise UserError("no file of the run names its data set")
        name, digest = named["dataset"], named.get("dataset_digest")
        data = load(current_name(name, digest), self._data_dir)
        if digest not in (None, data.digest):
            raise UserError(
                f"the dataset {data.name} is not what it was for the run {self.dir.path}",
                expected=f"content with digest {digest[:16]}",
                received=f"digest {data.digest[:16]}",
            )
        return data

    @_part
    def model(self) -> DeltaVAE:
        """The trained model, with its readout."""
        file = self._file(self.dir.keras_model)
        with damage_named(file):
            return keras.saving.load_model(file, compile=False)

    @_part
    def representation(self) -> Callable[[np.ndarray], np.ndarray]:
        """Images to codes, by the model or, where there is none, by the exported module."""
        if not self.has("model"):
            return load_representation(self.dir.tfhub)
        model = self.model
        return lambda images: np.asarray(model.representation(images))

    def has(self, part: str) -> bool:
        """Whether a part is there and can be read."""
        return self._reason(part) is None

    def get(self, part: str, default: Any) -> Any:
        """A part, or `default` where it is missing or damaged."""
        return getattr(self, part) if self.has(part) else default

    @functools.cached_property
    def missing(self) -> dict[str, str]:
        """By part, why it cannot be read; reads every part."""
        reasons = ((part, self._reason(part)) for part in PARTS)
        return {part: reason for part, reason in reasons if reason is not None}

    @property
    def manifold(self) -> Manifold:
        """The model's latent space."""
        return self.model.posterior.manifold

    @functools.cached_property
    def indices(self) -> np.ndarray:
        """Up to 3,000 image numbers drawn with a fixed seed, none twice."""
        order = np.random.RandomState(0).permutation(self.data.num_images)
        return order[:NUM_CODES]

    @functools.cached_property
    def factors(self) -> np.ndarray:
        """The factors of those images, int64 (n, num_factors)."""
        return self.data.factors(self.indices)

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """The codes of those images under the exported readout, (n, k)."""
        return self._of_images(self.indices, self.representation)

    @functools.cached_property
    def locations(self) -> np.ndarray:
        """The locations of the posteriors of those images, (n, ambient_dim)."""
        return self._of_images(self.indices, self.locate)

    def locate(self, images: np.ndarray) -> np.ndarray:
        """Images to the locations of their posteriors, (n, ambient_dim)."""
        return np.asarray(self.model.parameters(images)["loc"])

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Mean images for points of the manifold (..., a): (..., height, width, channels)."""
        flat = np.asarray(points, np.float32).reshape(-1, points.shape[-1])
        whole = map_batches(self.model.decode, flat)
        return whole.reshape(*points.shape[:-1], *whole.shape[1:])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Mean images decoded from the locations of the posteriors of `images`."""
        return self.decode(self.locate(images))

    def _of_images(self, indices: np.ndarray, function: Callable) -> np.ndarray:
        return map_batches(function, self.data, indices)

    def _file(self, path: Path) -> Path:
        if not path.is_file():
            raise UserError(f"the run has no {path.relative_to(self.dir.path)}")
        return path

    def _reason(self, part: str) -> str | None:
        try:
            getattr(self, part)
        except UserError as error:
            return str(error)
        return None


def load_run(path: str | os.PathLike[str], data_dir: str | None = None) -> Run:
    """Read a finished run, one that has a trained model.

    Args:
        path: the run's folder.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.

    Raises:
        UserError: the folder holds no finished run.
    """
    model = RunDir(path).keras_model
    if not model.is_file():
        raise UserError(
            f"{Path(path)} holds no finished run",
            expected=f"a trained model at {model}",
            received="none",
            advice=f"Train one with {command('train')} --output_dir, or --resume one that was "
            "interrupted.",
        )
    return Run(path, data_dir)
