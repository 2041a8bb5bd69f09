"""What pictures are made of: a run, as much of it as is there, and codes of some images."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from deltavae.data import GroundTruthData, load
from deltavae.data.batches import map_batches
from deltavae.errors import UserError
from deltavae.export.representation import load_representation
from deltavae.io import read_json
from deltavae.manifolds import Manifold
from deltavae.models.delta_vae import DeltaVAE
from deltavae.run_dir import RunDir

NUM_CODES = 3000


@dataclass
class Material:
    """A run's parts, as many as there are; asking for one that is missing says why.

    Attributes:
        dir: the names of the run's files.
        history, info, config, scores: what the files of the run say; empty where they are not.
        missing: by part, the reason.
        parts: `model`, `represent` and `data`, as far as they are there.
    """

    dir: RunDir
    history: list[dict[str, Any]] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Any] = field(default_factory=dict)

    def has(self, part: str) -> bool:
        """Whether that part is there."""
        return part in self.parts

    def _part(self, name: str) -> Any:
        if name not in self.parts:
            raise UserError(self.missing.get(name, f"the run has no {name}"))
        return self.parts[name]

    @property
    def model(self) -> DeltaVAE:
        """The trained model; `UserError` if there is none."""
        return self._part("model")

    @property
    def data(self) -> GroundTruthData:
        """The set it was trained on; `UserError` if its files are not here."""
        return self._part("data")

    @property
    def represent(self) -> Callable[[np.ndarray], np.ndarray]:
        """Images to codes, by the model or else by the exported module."""
        return self._part("represent")

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
        return self._of_images(self.indices, self.represent)

    @functools.cached_property
    def locations(self) -> np.ndarray:
        """Points of the manifold that the posteriors of those images are centred on, (n, a)."""
        return self._of_images(self.indices, self.locate)

    def locate(self, images: np.ndarray) -> np.ndarray:
        """Images to the points of the manifold that their posteriors are centred on."""
        return np.asarray(self.model.parameters(images)["loc"])

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Images of the set, uint8."""
        return self.data.images(np.asarray(indices, np.int64))

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Mean images for points of the manifold (..., a): (..., h, w, c) in [0, 1] or so."""
        flat = np.asarray(points, np.float32).reshape(-1, points.shape[-1])
        whole = map_batches(self.model.decode, flat)
        return whole.reshape(*points.shape[:-1], *whole.shape[1:])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images decoded from where their posteriors are centred."""
        return self.decode(self.locate(images))

    def _of_images(self, indices: np.ndarray, function: Callable) -> np.ndarray:
        return map_batches(function, self.data, indices)


def gather(path: str | os.PathLike[str], data_dir: str | None = None) -> Material:
    """Read what there is of a run.

    Args:
        path: the run's folder, whole or not.
        data_dir: where the data sets lie; None takes `DISENTANGLEMENT_LIB_DATA`.

    Raises:
        UserError: the folder is missing or has nothing of a run in it.
    """
    run_dir = RunDir(path)
    known = (run_dir.info, run_dir.history, run_dir.keras_model, run_dir.scores)
    if not any(p.is_file() for p in known) and not run_dir.representation.is_dir():
        raise UserError(
            "nothing to show", expected="a folder that train.py wrote", received=run_dir.path
        )
    material = Material(run_dir)
    for part, file, reader in (
        ("info", run_dir.info, read_json),
        ("history", run_dir.history, read_json),
        ("config", run_dir.config, Path.read_text),
        ("scores", run_dir.scores, read_json),
    ):
        if not file.is_file():
            material.missing[part] = f"the run has no {file.relative_to(run_dir.path)}"
            continue
        _try(material, part, functools.partial(_set, material, part, reader, file))
    name = material.info.get("dataset") or material.scores.get("dataset")
    if name is None:
        material.missing["data"] = "no file of the run names its data set"
    else:
        _try(material, "data", lambda: material.parts.update(data=load(name, data_dir)))
    if run_dir.keras_model.is_file():
        _try(material, "model", functools.partial(_load_model, material))
    else:
        material.missing["model"] = (
            f"the run has no {run_dir.keras_model.relative_to(run_dir.path)}, and so no decoder"
        )
    if not material.has("model"):
        _try(material, "represent", functools.partial(_load_module, material))
    return material


def _set(material: Material, part: str, reader: Callable, file: Path) -> None:
    setattr(material, part, reader(file))


def _load_model(material: Material) -> None:
    model = keras.saving.load_model(material.dir.keras_model, compile=False)
    material.parts |= {
        "model": model,
        "represent": lambda images: np.asarray(model.representation(images)),
    }


def _load_module(material: Material) -> None:
    material.parts["represent"] = load_representation(material.dir.tfhub)


def _try(material: Material, part: str, read: Callable[[], None]) -> None:
    """Run `read`; whatever a damaged file makes it raise becomes the reason that is shown."""
    try:
        read()
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        material.missing[part] = reason if isinstance(error, UserError) else f"{part}: {reason}"
