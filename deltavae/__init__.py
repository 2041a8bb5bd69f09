"""Diffusion variational autoencoders: disentangled representations on spheres and their kin."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["DeltaVAE", "Run", "load_run"]

if TYPE_CHECKING:
    from deltavae.models.delta_vae import DeltaVAE
    from deltavae.training.run import Run, load_run


def __getattr__(name: str) -> Any:
    # resolved on first use: `import deltavae` must not start TensorFlow
    if name in ("Run", "load_run"):
        from deltavae.training import run as runs

        return getattr(runs, name)
    if name == "DeltaVAE":
        from deltavae.models.delta_vae import DeltaVAE

        return DeltaVAE
    raise AttributeError(f"module 'deltavae' has no attribute {name!r}")
