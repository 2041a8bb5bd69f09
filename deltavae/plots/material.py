"""What pictures are made of: a run, as much of it as is there, and codes of some images."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

import deltavae.posteriors  # noqa: F401  registers what a saved model names
from deltavae.data import GroundTruthData, load
from deltavae.errors import UserError
from deltavae.export import load_representation
from deltavae.manifolds import Manifold
from deltavae.run_dir import RunDir, read_json
from deltavae.vae import DeltaVAE

NUM_CODES = 3000
_BATCH = 256


@dataclass
class Material:
    """A run's parts; what is not there is None or empty, and `missing` says why.

    Attributes:
        dir: the names of the run's files.
        model: the trained model; None leaves out all that needs a decoder.
        represent: images to codes, from the model or else from the exported module.
        data: the set it was trained on.
        history, info, config, scores: what the files of the run say.
        missing: by part, the reason.
    """

    dir: RunDir
    model: DeltaVAE | None = None
    represent: Callable[[np.ndarray], np.ndarray] | None = None
    data: GroundTruthData | None = None
    history: list[dict[str, Any]] = field(default_factory=list)
    info: dict[str, Any] = field(default_factory=dict)
    config: str = ""
    scores: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def need(self, *parts: str) -> None:
        """Raise `UserError` with the reason if one of these parts is missing."""
        for part in parts:
            if part in self.missing:
                raise UserError(self.missing[part])

    @property
    def manifold(self) -> Manifold | None:
        """The latent space, if the model is there."""
        return None if self.model is None else self.model.posterior.manifold

    @functools.cached_property
    def indices(self) -> np.ndarray:
        """Up to 3,000 image numbers drawn with a fixed seed, none twice."""
        self.need("data")
        order = np.random.RandomState(0).permutation(self.data.num_images)
        return order[:NUM_CODES]

    @functools.cached_property
    def factors(self) -> np.ndarray:
        """The factors of those images, int64 (n, num_factors)."""
        return self.data.factors(self.indices)

    @functools.cached_property
    def codes(self) -> np.ndarray:
        """The codes of those images under the exported readout, (n, k)."""
        self.need("data", "representation")
        return self._of_images(self.indices, self.represent)

    @functools.cached_property
    def locations(self) -> np.ndarray:
        """Points of the manifold that the posteriors of those images are centred on, (n, a)."""
        self.need("data", "model")
        return self._of_images(self.indices, self.locate)

    def locate(self, images: np.ndarray) -> np.ndarray:
        """Images to the points of the manifold that their posteriors are centred on."""
        return self.model.parameters(images)["loc"].numpy()

    def images(self, indices: np.ndarray) -> np.ndarray:
        """Images of the set, uint8."""
        self.need("data")
        return self.data.images(np.asarray(indices, np.int64))

    def decode(self, points: np.ndarray) -> np.ndarray:
        """Mean images for points of the manifold (..., a): (..., h, w, c) in [0, 1] or so."""
        flat = np.asarray(points, np.float32).reshape(-1, points.shape[-1])
        made = [self.model.decode(part).numpy() for part in _batches(flat)]
        whole = np.concatenate(made)
        return whole.reshape(*points.shape[:-1], *whole.shape[1:])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Images decoded from where their posteriors are centred."""
        return self.decode(self.locate(images))

    def _of_images(self, indices: np.ndarray, function: Callable) -> np.ndarray:
        return np.concatenate([function(self.images(part)) for part in _batches(indices)])


def gather(path: str | Path, data_dir: str | None = None) -> Material:
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
        _try(material, "data", lambda: setattr(material, "data", load(name, data_dir)))
    if run_dir.keras_model.is_file():
        _try(material, "model", functools.partial(_load_model, material))
    else:
        material.missing["model"] = (
            f"the run has no {run_dir.keras_model.relative_to(run_dir.path)}, and so no decoder"
        )
    if material.model is None:
        _try(material, "representation", functools.partial(_load_module, material))
    return material


def _set(material: Material, part: str, reader: Callable, file: Path) -> None:
    setattr(material, part, reader(file))


def _load_model(material: Material) -> None:
    model = keras.saving.load_model(material.dir.keras_model, compile=False)
    material.model = model
    material.represent = lambda images: model.representation(images).numpy()


def _load_module(material: Material) -> None:
    material.represent = load_representation(material.dir.tfhub)


def _try(material: Material, part: str, read: Callable[[], None]) -> None:
    """Run `read`; whatever a damaged file makes it raise becomes the reason that is shown."""
    try:
        read()
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        material.missing[part] = reason if isinstance(error, UserError) else f"{part}: {reason}"


def _batches(array: np.ndarray) -> Sequence[np.ndarray]:
    return [array[start : start + _BATCH] for start in range(0, len(array), _BATCH)]
