"""What carries out jobs: one small interface, and the engine of local processes."""

import os
import queue
import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

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
    """One process to be run: `argv`, with its output appended to `log`, on `cores` cores."""

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

    capacity: int
    """How many jobs may be submitted and not yet returned; a few more than run at once."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job; it starts as soon as there are free cores."""

    @abstractmethod
    def next(self) -> Outcome:
        """Wait until some job ends, and return how."""

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
    """Start a job's process, in a process group of its own so that all of it can be ended."""
    with Path(job.log).open("ab") as log:
        return subprocess.Popen(
            job.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **thread_environment(job.cores)},
            start_new_session=True,
        )


def end_process(process: subprocess.Popen) -> None:
    """End a process and all that it started; no error if it has ended by itself."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class LocalEngine(Engine):
    """Processes on this machine, its cores divided among the jobs.

    Args:
        cores_per_job: cores of each job; the libraries in it are held to as many threads.
        cores: to be divided; by default those that this process may use.

    Raises:
        UserError: a job asks for more cores than there are.
    """

    def __init__(self, cores_per_job: int = 1, cores: int | None = None) -> None:
        cores = cores or len(os.sched_getaffinity(0))
        if cores_per_job > cores:
            raise UserError(
                "a run asks for more cores than there are",
                expected=f"study.cores <= {cores}",
                received=cores_per_job,
            )
        slots = cores // cores_per_job
        self.capacity = 2 * slots
        self._jobs: queue.Queue[Job | None] = queue.Queue()
        self._outcomes: queue.Queue[Outcome | Exception] = queue.Queue()
        self._running: set[subprocess.Popen] = set()
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._serve, daemon=True) for _ in range(slots)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Queue a job for the next free slot."""
        self._jobs.put(job)

    def next(self) -> Outcome:
        """Wait for the next end; an error in starting a process is raised here."""
        outcome = self._outcomes.get()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def close(self) -> None:
        """Kill what runs and join the threads."""
        self._closing.set()
        with self._lock:
            for process in self._running:
                end_process(process)
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None and not self._closing.is_set():
            start = time.monotonic()
            try:
                with self._lock:
                    if self._closing.is_set():
                        return
                    process = start_process(job)
                    self._running.add(process)
                status = process.wait()
                with self._lock:
                    self._running.discard(process)
                self._outcomes.put(Outcome(job.key, status, time.monotonic() - start))
            except OSError as error:
                self._outcomes.put(error)
