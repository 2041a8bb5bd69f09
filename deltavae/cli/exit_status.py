"""The one place that turns what a command raises into a line and an exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from deltavae.errors import UserError
from deltavae.training.interrupts import Interrupted, StopRequest

# what is wrong with a file or folder that the user named, where nothing else has said so
_OF_THE_USERS_FILES = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ELOOP,
)


def exit_status(command: Callable[[], int]) -> int:
    """Call `command`, and return the exit status of the process.

    A user's mistake, a full disk and a file or folder that cannot be read or written are one line
    and status 2. Ctrl-C and SIGTERM end the
    command where they find it, with temporary files removed, one line, and status 130 or 143;
    training answers them after its step instead. Any other exception is a defect of this
    package: it passes, with its traceback.
    """
    try:
        with StopRequest().installed():
            return command()
    except UserError as error:
        sys.stderr.write(f"error: {error.message}\n")
    except Interrupted as error:
        sys.stderr.write(f"{error}\n")
        return error.status
    except KeyboardInterrupt:  # where no handler could be installed: outside the main thread
        return 130
    except Exception as error:
        if _disk_is_full(error):
            sys.stderr.write(
                f"error: the disk is full ({str(error).splitlines()[0]}). What was written before "
                "is whole: make room, then run the command again; a training goes on with "
                "--resume.\n"
            )
        elif isinstance(error, OSError) and error.errno in _OF_THE_USERS_FILES and error.filename:
            sys.stderr.write(
                f"error: {error.filename} cannot be used; received {str(error.strerror).lower()}\n"
            )
        else:
            raise
    return 2


def _disk_is_full(error: BaseException | None) -> bool:
    # HDF5 and TensorFlow have exceptions of their own, with the system's words in them
    full = (errno.ENOSPC, errno.EDQUOT)
    while error is not None:
        if getattr(error, "errno", None) in full or any(
            os.strerror(number) in str(error) for number in full
        ):
            return True
        error = error.__cause__ or error.__context__
    return False
