"""One writer per run folder."""

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from deltavae.errors import UserError


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Hold a folder's lock for the length of a block; makes the folder if need be.

    The lock is the kernel's (`flock` on `.lock`), which frees it when its owner dies however
    it dies: a file left behind locks nobody out. The file names the owner.

    Raises:
        UserError: another process holds it.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    with (Path(folder) / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(
                f"another process trains in {folder}",
                expected="a folder that nobody writes to",
                received=f"one locked by {file.read().strip() or 'a process that starts'}",
                advice="Wait for it, end it, or name another folder with --output_dir.",
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield
