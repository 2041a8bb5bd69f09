"""Start TensorFlow without its greetings, so that a command prints what the user asked for."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

from typing_extensions import override

# Keras, and the older one that TensorFlow Probability imports, import these if they are installed,
# to accept their tables and estimators and to draw models: a third of the time of Keras' import,
# and no command uses it
_OPTIONAL_TO_KERAS = ("matplotlib", "pandas", "sklearn")

_asked: int | None = None


@contextlib.contextmanager
def verbosity(level: int | None) -> Iterator[None]:
    """Hold what `--verbosity` asked for, None if it was not given, for the length of a block."""
    global _asked
    before, _asked = _asked, level
    try:
        yield
    finally:
        _asked = before


class _AsCommandsPrint(logging.Formatter):
    """`warning: ...`, as the commands print their own."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        return f"{record.levelname.lower()}: {super().format(record)}"


def hush() -> None:
    """Turn off Python-side messages below warnings, or those that --verbosity asks not for.

    What is left is printed as the commands print their own warnings.
    """
    import absl.logging

    handler = logging.StreamHandler()
    handler.setFormatter(_AsCommandsPrint())
    logging.basicConfig(handlers=[handler])
    absl.logging.set_verbosity(absl.logging.WARNING if _asked is None else _asked)


@contextlib.contextmanager
def _collection_paused() -> Iterator[None]:
    """Pause garbage collection in a block of imports: a fifth of the time of TensorFlow's.

    What exists at the end of the block is never collected.
    """
    paused = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if paused:
            gc.enable()


@contextlib.contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Make packages that are not imported yet appear not to be installed within a block."""
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import TensorFlow's and Keras' packages in a block without what no command uses of them.

    `matplotlib`, `pandas` and `sklearn` can be imported afterwards, not within the block.
    """
    with _collection_paused(), _hidden(_OPTIONAL_TO_KERAS):
        yield


def _import_tensorflow() -> None:
    with quick_imports():
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices, with its native chatter held back.

    What it writes to the standard error stream while it starts is shown only where it fails
    to start. Later its native messages are those that `TF_CPP_MIN_LOG_LEVEL` asks for, by default
    none. Python-side messages below errors are turned off, unless the verbosity was set
    (`TF_CPP_MIN_LOG_LEVEL=0`, or the flag `--verbosity`).
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        _import_tensorflow()
        return
    hush()
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            _import_tensorflow()
            import tensorflow as tf

            tf.config.list_logical_devices()
            tf.random.uniform([])
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
    from absl.logging.converter import absl_to_standard

    level = logging.ERROR if _asked is None else absl_to_standard(_asked)
    logging.getLogger("tensorflow").setLevel(level)
