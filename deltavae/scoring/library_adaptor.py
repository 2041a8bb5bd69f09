"""disentanglement_lib's metrics, made to import and run on current packages, in private.

disentanglement_lib 1.5 asks for `gin.tf`, which needs an estimator that TensorFlow no longer
has, and decorates its metrics with `blacklist=`, which gin calls `denylist=` now. No other
code should see these changed: the metric modules are imported against a copy of gin of their own,
with its own registry and configuration, so that settings of metrics and of a training never
meet.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deltavae import gin_files
from deltavae.errors import UserError, unknown_name

SETTINGS = {"study": ("study.gin",), "fast": ("study.gin", "fast.gin")}
MODULES = (
    "utils",
    "beta_vae",
    "dci",
    "downstream_task",
    "factor_vae",
    "irs",
    "mig",
    "modularity_explicitness",
    "sap_score",
    "unsupervised_metrics",
)
# what the library imports from scikit-learn, and half of its metrics never use
_SKLEARN = ("ensemble", "linear_model", "metrics", "model_selection", "preprocessing", "svm")
_SILENT = types.SimpleNamespace(info=lambda *_: None)
_PRIVATE = ("gin", "disentanglement_lib.evaluation")


@functools.cache
def library() -> types.SimpleNamespace:
    """The library's metric modules by name (`MODULES`), and `gin`, the copy they use.

    Raises:
        UserError: disentanglement_lib isn't installed; says which command brings it.
    """
    with _own_modules(), _sklearn_when_used():
        private_gin: Any = importlib.import_module("gin")
        sys.modules["gin.tf"] = types.ModuleType("gin.tf")
        private_gin.configurable = _with_denylist(private_gin.configurable)
        prefix = "disentanglement_lib.evaluation.metrics"
        try:
            modules: dict[str, Any] = {
                name: importlib.import_module(f"{prefix}.{name}") for name in MODULES
            }
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("disentanglement_lib"):
                raise
            raise UserError(
                "the metrics need disentanglement_lib, which is not installed",
                advice="Install it by `pip install --no-deps disentanglement-lib==1.5`, without "
                "the versions of 2019 that it asks for.",
            ) from None
    for module in modules.values():
        if hasattr(module, "logging"):
            module.logging = _SILENT
    return types.SimpleNamespace(gin=private_gin, **modules)


@contextlib.contextmanager
def metric_settings(settings: str, bindings: Sequence[str] = ()) -> Iterator[None]:
    """Binds the metrics' parameters inside the block, and clears them after it.

    Args:
        settings: one of `SETTINGS`, files of `gin/metrics/`.
        bindings: further lines of gin, which override the file.

    Raises:
        UserError: unknown settings.
    """
    if settings not in SETTINGS:
        raise unknown_name("unknown settings", settings, SETTINGS)
    files = [str(gin_files.folder() / "metrics" / name) for name in SETTINGS[settings]]
    gin = library().gin
    gin.clear_config()
    try:
        gin.parse_config_files_and_bindings(files, list(bindings), finalize_config=False)
        yield
    finally:
        gin.clear_config()


def _with_denylist(configurable: Callable[..., Any]) -> Callable[..., Any]:
    """gin's decorator, taking the old name of its argument."""

    @functools.wraps(configurable)
    def translated(*args: Any, blacklist: Any = None, **kwargs: Any) -> Any:
        return configurable(*args, denylist=blacklist, **kwargs)

    return translated


class _WhenUsed(types.ModuleType):
    """Stands for a module that is imported when something of it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _sklearn_when_used() -> Iterator[None]:
    """Modules imported in the block get a scikit-learn that is not imported yet: 1 s less."""
    if "sklearn" in sys.modules:
        yield
        return
    stand_in = types.ModuleType("sklearn")
    for name in _SKLEARN:
        setattr(stand_in, name, _WhenUsed(f"sklearn.{name}"))
    sys.modules["sklearn"] = stand_in
    try:
        yield
    finally:
        del sys.modules["sklearn"]


def _is_private(name: str) -> bool:
    return any(name == prefix or name.startswith(prefix + ".") for prefix in _PRIVATE)


@contextlib.contextmanager
def _own_modules() -> Iterator[None]:
    """Imports of gin and of the library's metrics made in the block are fresh, and hidden."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_private(name)}
    try:
        yield
    finally:
        for name in [name for name in sys.modules if _is_private(name)]:
            del sys.modules[name]
        sys.modules.update(hidden)
