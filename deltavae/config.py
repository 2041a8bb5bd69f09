"""The only module that knows gin: names, files, bindings, and what they build."""

import contextlib
import difflib
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gin
import tensorflow as tf

from deltavae import manifolds, posteriors
from deltavae.data import GroundTruthData
from deltavae.data import load as load_data
from deltavae.errors import UserError
from deltavae.models import READOUTS, networks
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.objectives import BetaObjective, CapacityObjective
from deltavae.training.capacity import Capacity
from deltavae.training.settings import TrainSettings

GIN_FOLDER = Path(__file__).resolve().parent / "gin"


def _dataset(name: str = "turntable") -> str:
    return name


def _model(
    image_shape: Sequence[int],
    posterior: posteriors.Posterior,
    encoder: Callable[..., Any] = networks.conv_encoder,
    decoder: Callable[..., Any] = networks.conv_decoder,
    objective: CapacityObjective | BetaObjective | None = None,
    likelihood: str = "normal",
    mixed_precision: bool = False,
    seed: int = 0,
) -> DeltaVAE:
    """Make a DeltaVAE for images of that shape out of configured parts."""
    if mixed_precision and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            "there is no GPU for mixed precision",
            expected="a GPU, since TensorFlow sums bfloat16 too coarsely on a CPU",
            received="model.mixed_precision = True on a machine without",
            advice="Leave it at False here.",
        )
    with networks.precision(mixed_precision):
        network_in = encoder(image_shape)
        network_out = decoder(image_shape, posterior.latent_dim)
    return DeltaVAE(
        network_in,
        posterior,
        network_out,
        objective or CapacityObjective(),
        likelihood,
        seed=seed,
    )


def _export(readout: str = "embedding") -> str:
    if readout not in READOUTS:
        raise UserError("unknown readout", expected=", ".join(READOUTS), received=repr(readout))
    return readout


def _tensorboard(every: int = 10) -> int:
    return every


_PARTS: dict[str, Callable[..., Any]] = {
    "dataset": _dataset,
    "model": _model,
    "export": _export,
    "tensorboard": _tensorboard,
    "train": TrainSettings,
    "capacity": Capacity,
    "CapacityObjective": CapacityObjective,
    "BetaObjective": BetaObjective,
}
_PARTS |= {name: getattr(manifolds, name) for name in manifolds.__all__ if name != "Manifold"}
_PARTS |= {
    name: getattr(posteriors, name) for name in posteriors.__all__ if name.endswith("Posterior")
}
_PARTS |= {
    name: getattr(networks, name)
    for name in ("conv_encoder", "conv_decoder", "mlp_encoder", "mlp_decoder")
}
del _PARTS["Posterior"]

# Registered, not made `configurable`: a direct call of a class, as Keras makes when it rebuilds
# a saved model, never takes whatever configuration happens to be loaded.
for _name, _part in _PARTS.items():
    gin.register(_name)(_part)


class Experiment:
    """A configuration, made into objects on demand."""

    @property
    def dataset_name(self) -> str:
        """The name bound to `dataset.name`."""
        return gin.get_configurable("dataset")()

    @property
    def settings(self) -> TrainSettings:
        """The bindings of `train`."""
        return gin.get_configurable("train")()

    @property
    def capacity(self) -> Capacity:
        """The bindings of `capacity`."""
        return gin.get_configurable("capacity")()

    @property
    def readout(self) -> str:
        """The binding of `export.readout`."""
        return gin.get_configurable("export")()

    @property
    def tensorboard_every(self) -> int:
        """The binding of `tensorboard.every`."""
        return gin.get_configurable("tensorboard")()

    def data(self, data_dir: str | None = None) -> GroundTruthData:
        """The data set named by `dataset.name`."""
        return load_data(self.dataset_name, data_dir)

    def model(self, image_shape: Sequence[int]) -> DeltaVAE:
        """A fresh model for images of that shape."""
        return gin.get_configurable("model")(image_shape=image_shape, seed=self.settings.seed)

    def text(self) -> str:
        """The operative configuration: each value that the objects made so far have used."""
        return gin.operative_config_str()


@contextlib.contextmanager
def configured(files: Sequence[str], bindings: Sequence[str] = ()) -> Iterator[Experiment]:
    """Load gin files and bindings for the length of a block, and forget them after it.

    Args:
        files: gin files, each a path, or a path below the package's `gin/` folder.
        bindings: lines like `train.steps = 1000`, which override the files.

    Raises:
        UserError: for a missing file or a name that nothing has, with the nearest known ones.
    """
    gin.clear_config()
    try:
        # locates included files whether the caller stands in the repository or elsewhere
        gin.add_config_file_search_path(str(GIN_FOLDER.parent))
        with _translated():
            gin.parse_config_files_and_bindings(
                [_find(file) for file in files], list(bindings), finalize_config=False
            )
            yield Experiment()
    finally:
        gin.clear_config()


def check(files: Sequence[str], bindings: Sequence[str] = ()) -> None:
    """Raise `UserError` unless the files and bindings make settings and a model."""
    with configured(files, bindings) as experiment:
        _ = experiment.settings, experiment.capacity, experiment.readout
        experiment.model((64, 64, 1))


def build(
    name: str, part: Callable[..., Any], files: Sequence[str], bindings: Sequence[str] = ()
) -> Any:
    """Call `part` with what the files and bindings say under `name`, and return its result.

    Args:
        name: gin name of the part.
        part: a function or class that is no part of every experiment, such as a study.
        files: gin files.
        bindings: further bindings, which override the files'.

    Raises:
        UserError: for a name that nothing has, or what `part` refuses.
    """
    if name not in _PARTS:
        gin.register(name)(part)
        _PARTS[name] = part
    with configured(files, bindings):
        return gin.get_configurable(name)()


def _find(file: str) -> str:
    for candidate in (Path(file), GIN_FOLDER.parent / file, GIN_FOLDER / file):
        if candidate.is_file():
            return os.fspath(candidate)
    known = sorted(str(p.relative_to(GIN_FOLDER.parent)) for p in GIN_FOLDER.rglob("*.gin"))
    raise _unknown("there is no such gin file", file, known)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn gin's complaints into `UserError`s that name what does exist."""
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:
        if not _raised_by_gin(error):
            raise
        raise _explain(str(error)) from None


def _raised_by_gin(error: Exception) -> bool:
    trace, file = error.__traceback__, ""
    while trace is not None:
        file, trace = trace.tb_frame.f_code.co_filename, trace.tb_next
    return Path(file).parent.name == "gin"


def _explain(message: str) -> UserError:
    first_line = message.strip().split("\n")[0]
    if unknown := re.search(r"No configurable matching (?:reference )?'@?([^'()]+)", message):
        return _unknown("unknown gin name", unknown[1], _PARTS)
    if unknown := re.search(r"'([^']+)' doesn't have a parameter named '([^']+)'", message):
        part = _PARTS[unknown[1].rsplit(".", 1)[-1]]
        parameters = [p for p in inspect.signature(part).parameters if p != "kwargs"]
        return _unknown(f"{unknown[1]} has no such parameter", unknown[2], parameters)
    return UserError(f"the configuration cannot be used: {first_line}")


def _unknown(what: str, name: str, known: Iterable[str]) -> UserError:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
    return UserError(what, expected=f"one like {', '.join(near)}", received=name)
