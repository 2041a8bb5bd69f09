"""Every named image set, and how to open it."""

import os
from collections.abc import Callable
from pathlib import Path

from deltavae.data.custom import load_custom
from deltavae.data.dataset import GroundTruthData
from deltavae.data.public.cars3d import Cars3D
from deltavae.data.public.dsprites import ColorDSprites, DSprites, NoisyDSprites, ScreamDSprites
from deltavae.data.public.mpi3d import MPI3D
from deltavae.data.public.shapes3d import Shapes3D
from deltavae.data.public.smallnorb import SmallNORB
from deltavae.data.synthetic.sprites import Sprites
from deltavae.data.synthetic.turntable import (
    Turntable,
    TurntableAzimuth,
    TurntableHard,
    TurntableHues,
    TurntableMarked,
)
from deltavae.errors import UserError

_OPENERS: dict[str, Callable[[Path], GroundTruthData]] = {
    "cars3d": Cars3D,
    "color_dsprites": lambda folder: ColorDSprites(folder, "color_dsprites"),
    "dsprites_full": DSprites,
    "dsprites_noshape": lambda folder: DSprites(folder, "dsprites_noshape", hide_shape=True),
    "mpi3d_real": lambda folder: MPI3D(folder, "mpi3d_real"),
    "mpi3d_realistic": lambda folder: MPI3D(folder, "mpi3d_realistic"),
    "mpi3d_toy": lambda folder: MPI3D(folder, "mpi3d_toy"),
    "noisy_dsprites": lambda folder: NoisyDSprites(folder, "noisy_dsprites"),
    "scream_dsprites": ScreamDSprites,
    "shapes3d": Shapes3D,
    "smallnorb": SmallNORB,
    "sprites": lambda _: Sprites(),
    "turntable": lambda _: Turntable(),
    "turntable_azimuth": lambda _: TurntableAzimuth(),
    "turntable_hard": lambda _: TurntableHard(),
    "turntable_hues": lambda _: TurntableHues(),
    "turntable_marked": lambda _: TurntableMarked(),
}


def names() -> list[str]:
    """The names that `load` knows."""
    return sorted(_OPENERS)


def default_data_dir() -> Path:
    """The folder of the public files: `DISENTANGLEMENT_LIB_DATA`, or ./scratch/dataset."""
    return Path(os.environ.get("DISENTANGLEMENT_LIB_DATA") or "scratch/dataset")


def load(name: str, data_dir: str | Path | None = None) -> GroundTruthData:
    """Opens an image set.

    Args:
        name: one of `names()`, or the path of a folder or .npz file of one's own
            (`deltavae.data.custom`).
        data_dir: the folder of the public files; by default `default_data_dir()`.

    Raises:
        UserError: for an unknown name, or files that are missing or damaged.
    """
    if name not in _OPENERS and ("/" in name or name.endswith(".npz") or Path(name).is_dir()):
        return load_custom(Path(name))
    if name not in _OPENERS:
        raise UserError(
            "unknown data set",
            expected=f"one of {', '.join(names())}, or the path of your own",
            received=repr(name),
        )
    return _OPENERS[name](default_data_dir() if data_dir is None else Path(data_dir))
