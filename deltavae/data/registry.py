"""Every dataset that has a name, and how to open it.

A dataset is a class in a module of `deltavae.data.public` or `deltavae.data.synthetic` with
class attributes `name` and `grid`; it is found by being there.
"""

import importlib
import os
import pkgutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

from deltavae.data import public, synthetic
from deltavae.data.custom import load_custom
from deltavae.data.dataset import GroundTruthData
from deltavae.data.public.base import PublicData
from deltavae.errors import UserError, unknown_name


def _datasets_in(package: ModuleType) -> Iterator[type[GroundTruthData]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if (
                isinstance(value, type)
                and issubclass(value, GroundTruthData)
                and value.__module__ == module.name
                and "name" in vars(value)
            ):
                yield value


DATASETS: dict[str, type[GroundTruthData]] = {
    dataset.name: dataset for package in (synthetic, public) for dataset in _datasets_in(package)
}


def names() -> list[str]:
    """Return the names that `load` knows."""
    return sorted(DATASETS)


def current_name(name: str, digest: str | None) -> str:
    """Return today's name of the dataset that a saved file names.

    Args:
        name: as the file has it.
        digest: of the dataset, if the file has one. Files without a digest are older than the
            `turntable` of today: what they call so is `turntable_marked` now.
    """
    return "turntable_marked" if (name, digest) == ("turntable", None) else name


def default_data_dir() -> Path:
    """Return the folder of the public files: `DISENTANGLEMENT_LIB_DATA`, or ./scratch/dataset."""
    return Path(os.environ.get("DISENTANGLEMENT_LIB_DATA") or "scratch/dataset").expanduser()


def load(name: str, data_dir: str | Path | None = None) -> GroundTruthData:
    """Open a dataset.

    Args:
        name: one of `names()`, or the path of a folder or .npz file of one's own
            (`deltavae.data.custom`).
        data_dir: the folder of the public files; by default `default_data_dir()`.

    Raises:
        UserError: for an unknown name, or files that are missing or damaged.
    """
    dataset = DATASETS.get(name)
    if not name.strip():
        raise UserError("the name of the dataset is empty", received=repr(name))
    if dataset is None:
        path = Path(name).expanduser()
        if "/" in name or path.suffix == ".npz" or path.is_dir():
            return load_custom(path)
        raise unknown_name("unknown dataset", name, names(), "the path of your own")
    made = cast("Callable[..., GroundTruthData]", dataset)
    if issubclass(dataset, PublicData):
        return made(default_data_dir() if data_dir is None else Path(data_dir).expanduser())
    return made()
