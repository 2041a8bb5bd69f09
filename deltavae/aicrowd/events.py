"""The challenge's platform: what its environment says, and the events that it receives.

Starts without TensorFlow: `deltavae submission event submit` and `... event error MESSAGE` send
the last event from a process of their own, when training has ended and its GPU is free again.
"""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from absl import logging

from deltavae.errors import UserError

_LOCAL = {
    "AICROWD_OUTPUT_PATH": "./scratch/shared",
    "AICROWD_EVALUATION_NAME": "local",
}
# the platform sets these too; they are read where they are needed
_ELSEWHERE = ("AICROWD_DATASET_NAME", "DISENTANGLEMENT_LIB_DATA")
_PATIENCE = 60.0  # seconds granted to the platform's Redis to answer at all
_PROGRESS_STEP, _PROGRESS_SECONDS = 0.01, 5.0


@dataclasses.dataclass(frozen=True)
class Environment:
    """What the platform's variables say, with local defaults where none grades.

    Attributes:
        output_path: `AICROWD_OUTPUT_PATH`; default ./scratch/shared.
        evaluation_name: `AICROWD_EVALUATION_NAME`, the run's folder there; default local.
        is_grading: `AICROWD_IS_GRADING` is set, be it to nothing.
    """

    output_path: Path
    evaluation_name: str
    is_grading: bool

    @property
    def run_path(self) -> Path:
        """The run's folder, which holds `representation` at the end."""
        return self.output_path / self.evaluation_name


def environment(variables: Mapping[str, str] = os.environ) -> Environment:
    """Read the platform's environment variables.

    Raises:
        UserError: `AICROWD_IS_GRADING` is set and another variable is missing; a default
            would then put the result where nobody looks.
    """
    is_grading = "AICROWD_IS_GRADING" in variables
    for name in (*_LOCAL, *_ELSEWHERE) if is_grading else ():
        if not variables.get(name):
            raise UserError(f"{name} is not set", expected="a value, while grading")
    output_path, evaluation_name = (
        variables.get(name) or default for name, default in _LOCAL.items()
    )
    return Environment(Path(output_path).expanduser(), evaluation_name, is_grading)


class Events:
    """Report to the platform how a run goes; log it everywhere else.

    Events go through the package crowdai_api where `CROWDAI_IS_GRADING` is set and that
    package is installed. It waits for its Redis server for ever; here it is given `patience`
    seconds, after which the run goes on and its events are logged.

    Args:
        patience: seconds granted to the Redis server to answer the first time.
    """

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._api: Any = None
        self._asked = False
        self._reported = -1.0
        self._reported_at = 0.0

    def started(self) -> None:
        """Report that the run begins."""
        self._send("INFO", "execution_started")

    def progress(self, fraction: float) -> None:
        """Report that training has come to `fraction`, in [0, 1].

        0 and 1 are always sent; between them only what is a hundredth and five seconds on.
        """
        fraction = min(max(float(fraction), 0.0), 1.0)
        ends = fraction in (0.0, 1.0) and fraction != self._reported
        on = fraction - self._reported >= _PROGRESS_STEP
        if ends or (on and time.monotonic() - self._reported_at >= _PROGRESS_SECONDS):
            self._reported, self._reported_at = fraction, time.monotonic()
            self._send("INFO", "register_progress", {"training_progress": fraction})

    def submit(self) -> None:
        """Report that the representation is exported; wait until the platform acknowledges it."""
        self._send("SUCCESS", "submit", blocking=True)

    def error(self, error: BaseException | str) -> None:
        """Report that the run failed with `error`; wait until the platform acknowledges it."""
        text = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self._send("ERROR", "execution_error", {"error": text}, blocking=True)

    def _send(
        self, kind: str, name: str, payload: dict[str, Any] | None = None, blocking: bool = False
    ) -> None:
        payload = {"event_type": f"disentanglement_challenge:{name}", **(payload or {})}
        # on the grader the log is all that a submitter sees of them
        log = logging.warning if "AICROWD_IS_GRADING" in os.environ else logging.info
        log("event %s %s", name, payload)
        api = self._connected()
        if api is None:
            return
        done = _within(
            None if blocking else self._patience,
            lambda: api.register_event(f"CROWDAI_EVENT_{kind}", name, payload, blocking),
        )
        if not done:
            self._api = None

    def _connected(self) -> Any:
        if not self._asked:
            self._asked = True
            if os.environ.get("CROWDAI_IS_GRADING"):
                self._api = _connect(self._patience)
        return self._api


def _connect(patience: float) -> Any:
    try:
        from crowdai_api.events import CrowdAIEvents
    except ImportError:
        logging.error("CROWDAI_IS_GRADING is set, but crowdai_api is not installed")
        return None
    api = CrowdAIEvents()
    return api if _within(patience, api.bootstrap) else None


def _within(seconds: float | None, action: Callable[[], object]) -> bool:
    """Whether `action` returned in time; one that does not is left behind in its thread."""
    done = threading.Event()

    def run() -> None:
        try:
            action()
            done.set()
        except Exception as error:  # whatever the client's transport raises must not end a run
            logging.error("events: %s: %s", type(error).__name__, error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        logging.error("events: Redis has not answered in %.0f s; they are logged only", seconds)
    return done.is_set()
