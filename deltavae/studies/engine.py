"""Engines that run jobs: the interface, and the engine of processes on this machine."""

import os
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from deltavae.data.batches import num_cores
from deltavae.errors import UserError

_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


@dataclass(frozen=True)
class Job:
    """A process to run: `argv`, with its output appended to `log`, on `cores` cores."""

    key: str
    argv: tuple[str, ...]
    log: str
    cores: int = 1


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        key: of the job.
        status: exit status of the process; None if the process was lost with its machine or
            worker, which says nothing against the job.
        seconds: from the start of the process to its end.
    """

    key: str
    status: int | None
    seconds: float


class Engine(ABC):
    """Runs jobs, each in a fresh process; as many at once as there is room for."""

    slots: int
    """How many jobs run at once."""
    capacity: int
    """How many jobs may be submitted and not yet returned; a few more than run at once."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Queue a job; it starts as soon as there are free cores."""

    @abstractmethod
    def next(self) -> Outcome:
        """Wait until some job ends, and return how it ended; raises where one cannot start."""

    @abstractmethod
    def close(self) -> None:
        """End every job that still runs, and free what the engine holds."""

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def thread_environment(cores: int) -> dict[str, str]:
    """Environment that limits the numerical libraries of a process to `cores` threads."""
    return dict.fromkeys(_THREAD_VARIABLES, str(cores))


def start_process(job: Job) -> subprocess.Popen:
    """Start a job's process in a process group of its own, which `end_process` ends as a whole."""
    # a run of a study is no submission: the platform's variables are not for it
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("AICROWD_")}
    with Path(job.log).open("ab") as log:
        return subprocess.Popen(
            job.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**inherited, **thread_environment(job.cores)},
            start_new_session=True,
        )


def end_process(process: subprocess.Popen) -> None:
    """Kill a process and all that it started; no error if it has ended."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class LocalEngine(Engine):
    """Jobs as processes on this machine, its cores divided among them.

    Args:
        cores_per_job: cores of each job; the libraries in it are held to as many threads.
        cores: to be divided; by default those that this process may use.

    Raises:
        UserError: a job asks for more cores than there are.
    """

    def __init__(self, cores_per_job: int = 1, cores: int | None = None) -> None:
        cores = cores or num_cores()
        if cores_per_job > cores:
            raise UserError(
                "a run asks for more cores than there are",
                expected=f"study.cores <= {cores}",
                received=cores_per_job,
            )
        self.slots = cores // cores_per_job
        self.capacity = 2 * self.slots
        self._pool = ThreadPoolExecutor(self.slots)
        self._waiting: set[Future[Outcome]] = set()
        self._running: set[subprocess.Popen] = set()
        self._closing = False
        self._lock = threading.Lock()

    @override
    def submit(self, job: Job) -> None:
        self._waiting.add(self._pool.submit(self._carry_out, job))

    @override
    def next(self) -> Outcome:
        ended, _ = wait(self._waiting, return_when=FIRST_COMPLETED)
        future = ended.pop()
        self._waiting.remove(future)
        return future.result()

    @override
    def close(self) -> None:
        with self._lock:
            self._closing = True
            for process in self._running:
                end_process(process)
        self._pool.shutdown(cancel_futures=True)

    def _carry_out(self, job: Job) -> Outcome:
        start = time.monotonic()
        with self._lock:
            if self._closing:
                return Outcome(job.key, None, 0.0)
            process = start_process(job)
            self._running.add(process)
        status = process.wait()
        with self._lock:
            self._running.discard(process)
        return Outcome(job.key, status, time.monotonic() - start)
