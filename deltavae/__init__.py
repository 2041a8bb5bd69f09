"""Diffusion variational autoencoders: disentangled representations on spheres and their kin."""

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["DeltaVAE", "Run", "evaluate", "load_representation", "load_run"]

if TYPE_CHECKING:
    from deltavae.export.representation import load_representation
    from deltavae.models.delta_vae import DeltaVAE
    from deltavae.scoring.evaluate import evaluate
    from deltavae.training.saved_run import Run, load_run

# TensorFlow, if it has not started yet, gives each session threads of its own: those that encode
# images need one a core, side by side, and everything else keeps what it has
os.environ.setdefault("TF_OVERRIDE_GLOBAL_THREADPOOL", "1")

_HOMES = {
    "DeltaVAE": "deltavae.models.delta_vae",
    "Run": "deltavae.training.saved_run",
    "evaluate": "deltavae.scoring.evaluate",
    "load_representation": "deltavae.export.representation",
    "load_run": "deltavae.training.saved_run",
}


def __getattr__(name: str) -> Any:
    # resolved on first use: `import deltavae` must not start TensorFlow
    if name not in _HOMES:
        raise AttributeError(f"module 'deltavae' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
