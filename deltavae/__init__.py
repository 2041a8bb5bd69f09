"""Diffusion variational autoencoders: disentangled representations on spheres and their kin."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["DeltaVAE", "Run", "load_run"]

if TYPE_CHECKING:
    from deltavae.runs import Run, load_run
    from deltavae.vae import DeltaVAE


def __getattr__(name: str) -> Any:
    # resolved on first use: `import deltavae` must not start TensorFlow
    if name in ("Run", "load_run"):
        from deltavae import runs

        return getattr(runs, name)
    if name == "DeltaVAE":
        from deltavae.vae import DeltaVAE

        return DeltaVAE
    raise AttributeError(f"module 'deltavae' has no attribute {name!r}")
