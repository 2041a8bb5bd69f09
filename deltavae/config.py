"""The only module that knows gin: names, files, bindings, and what they build."""

import contextlib
import difflib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import gin

from deltavae import manifolds, networks, posteriors
from deltavae.data import GroundTruthData
from deltavae.data import load as load_data
from deltavae.errors import UserError
from deltavae.objectives import BetaObjective, CapacityObjective
from deltavae.readouts import READOUTS
from deltavae.schedules import Capacity
from deltavae.training import TrainSettings
from deltavae.vae import DeltaVAE

GIN_FOLDER = Path(__file__).resolve().parents[1] / "gin"


def _dataset(name: str = "turntable") -> str:
    return name


def _model(
    image_shape: Sequence[int],
    posterior: posteriors.Posterior,
    encoder: Callable[..., Any] = networks.conv_encoder,
    decoder: Callable[..., Any] = networks.conv_decoder,
    objective: CapacityObjective | BetaObjective | None = None,
    likelihood: str = "normal",
    seed: int = 0,
) -> DeltaVAE:
    """Make a DeltaVAE for images of that shape out of configured parts."""
    return DeltaVAE(
        encoder(image_shape),
        posterior,
        decoder(image_shape, posterior.latent_dim),
        objective or CapacityObjective(),
        likelihood,
        seed=seed,
    )


def _export(readout: str = "embedding") -> str:
    if readout not in READOUTS:
        raise UserError("unknown readout", expected=", ".join(READOUTS), received=repr(readout))
    return readout


# Registered, not made `configurable`: a direct call of a class, as Keras makes when it rebuilds
# a saved model, never takes whatever configuration happens to be loaded.
dataset = gin.register("dataset")(_dataset)
model = gin.register("model")(_model)
export = gin.register("export")(_export)
train_settings = gin.register("train")(TrainSettings)
capacity = gin.register("capacity")(Capacity)
for _part in (
    *(getattr(manifolds, name) for name in manifolds.__all__),
    *(getattr(posteriors, name) for name in posteriors.__all__ if name.endswith("Posterior")),
    *(
        getattr(networks, f"{kind}_{side}")
        for kind in ("conv", "mlp")
        for side in ("encoder", "decoder")
    ),
    CapacityObjective,
    BetaObjective,
):
    if _part not in (manifolds.Manifold, posteriors.Posterior):
        gin.register(_part)


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
        with _translated():
            yield Experiment()
    finally:
        gin.clear_config()


def check(files: Sequence[str], bindings: Sequence[str] = ()) -> None:
    """Raise `UserError` unless the files and bindings make settings and a model."""
    with configured(files, bindings) as experiment:
        _ = experiment.settings, experiment.capacity, experiment.readout
        experiment.model((64, 64, 1))


def _find(file: str) -> str:
    for candidate in (Path(file), GIN_FOLDER.parent / file, GIN_FOLDER / file):
        if candidate.is_file():
            return os.fspath(candidate)
    known = sorted(str(p.relative_to(GIN_FOLDER.parent)) for p in GIN_FOLDER.rglob("*.gin"))
    near = difflib.get_close_matches(file, known, n=3, cutoff=0.3) or known
    raise UserError(
        "there is no such gin file", expected=f"a file like {', '.join(near)}", received=file
    )


_NAMES = ("dataset", "model", "export", "train", "capacity")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn gin's complaints into `UserError`s that name what does exist."""
    try:
        yield
    except UserError:
        raise
    except (ValueError, TypeError, SyntaxError, OSError, RuntimeError) as error:
        message = str(error).split("\n")[0]
        if not _comes_from_gin(error):
            raise
        if unknown := re.search(r"No configurable matching '([^']+)'", str(error)):
            known = [name.rsplit(".", 1)[-1] for name in _registered()]
            near = difflib.get_close_matches(unknown[1], known, n=3, cutoff=0.4) or sorted(known)
            raise UserError(
                "unknown gin name", expected=f"one like {', '.join(near)}", received=unknown[1]
            ) from None
        if unknown := re.search(r"'([^']+)' doesn't have a parameter named '([^']+)'", str(error)):
            known = _parameters(unknown[1])
            near = difflib.get_close_matches(unknown[2], known, n=3, cutoff=0.4) or known
            raise UserError(
                f"{unknown[1]} has no parameter of that name",
                expected=f"one like {', '.join(near)}",
                received=unknown[2],
            ) from None
        raise UserError(f"the configuration cannot be read: {message}") from None


def _comes_from_gin(error: BaseException) -> bool:
    trace = error.__traceback__
    files = []
    while trace is not None:
        files.append(trace.tb_frame.f_code.co_filename)
        trace = trace.tb_next
    return isinstance(error, SyntaxError) or any("gin/" in Path(f).as_posix()[-40:] for f in files)


def _registered() -> list[str]:
    parts = [*manifolds.__all__, *posteriors.__all__, "CapacityObjective", "BetaObjective"]
    return [*_NAMES, *parts, "conv_encoder", "conv_decoder", "mlp_encoder", "mlp_decoder"]


def _parameters(name: str) -> list[str]:
    import inspect

    return [p for p in inspect.signature(gin.get_configurable(name)).parameters if p != "kwargs"]
