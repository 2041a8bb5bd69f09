"""Start TensorFlow without its greetings, so that a command prints what the user asked for."""

import logging
import os
import sys
import tempfile

import absl.logging


def hush() -> None:
    """Turn off Python-side messages below warnings, unless the flag --verbosity was given."""
    # absl itself sets the flag, so that whether the user did is seen in the arguments alone
    if not any(argument.startswith(("--verbosity", "-v")) for argument in sys.argv):
        absl.logging.set_verbosity(absl.logging.WARNING)


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
