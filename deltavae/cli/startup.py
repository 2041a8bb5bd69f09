"""Start TensorFlow without its greetings, so that a command prints what the user asked for."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator

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


def hush() -> None:
    """Turn off Python-side messages below warnings, or those that --verbosity asks not for."""
    import absl.logging

    absl.logging.set_verbosity(absl.logging.WARNING if _asked is None else _asked)


def start_tensorflow() -> None:
    """Import TensorFlow and find its devices, with its native chatter held back.

    What it writes to the standard error stream while it starts is shown only where it fails
    to start. Python-side messages below errors are turned off, unless the verbosity was set
    (`TF_CPP_MIN_LOG_LEVEL=0`, or the flag `--verbosity`).
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    hush()
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
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
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
