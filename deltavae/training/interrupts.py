"""SIGTERM and Ctrl-C as a request that training answers between two steps."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Interrupted(SystemExit):
    """Ends the process with 128 + the signal's number (143 for SIGTERM, 130 for Ctrl-C).

    Args:
        number: of the signal.
        message: where it stopped, for the user.
    """

    def __init__(self, number: int, message: str = "") -> None:
        self.status = 128 + number
        super().__init__(self.status)
        self.message = f"stopped by {signal.Signals(number).name}{message}"

    def __str__(self) -> str:
        return self.message


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Let the signals arrive after the block, whatever answers them; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {number: signal.signal(number, lambda n, _: arrived.append(n)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for received in arrived:
            signal.raise_signal(received)


class StopRequest:
    """Whether a signal asked the process to stop, and what happens when one arrives.

    While `installed`, a signal raises `Interrupted` where it finds the program, so that
    temporary files are removed on the way out. Inside `deferred` it is only noted in
    `number`, for a loop to see; a second one raises even there.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._deferring = False

    @contextlib.contextmanager
    def installed(self) -> Iterator["StopRequest"]:
        """Answer the signals for the length of a block; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield self
            return
        before = {number: signal.signal(number, self._arrived) for number in SIGNALS}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a signal wait until the block looks at `number`."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False

    def _arrived(self, number: int, frame: FrameType | None) -> None:
        repeated, self.number = self.number is not None, number
        if repeated or not self._deferring:
            raise Interrupted(number)
