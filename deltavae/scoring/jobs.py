"""Metrics as jobs that don't touch each other: in this process, or side by side in others."""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.process
import contextlib
import multiprocessing
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.errors import UserError
from deltavae.scoring.challenge import run_metric
from deltavae.scoring.circular_codes import Circles
from deltavae.scoring.draws import IndexedData
from deltavae.training.interrupts import held


class Job(NamedTuple):
    """One metric on one set of codes.

    readout: which codes. metric: a key of `challenge.METRICS`. protocol, seed, reference: as
    for `challenge.run_metric`.
    """

    readout: str
    metric: str
    protocol: str
    seed: int
    reference: bool = False


class Outcome(NamedTuple):
    """What a job gave: its result and its seconds, or the error that ended it."""

    result: dict[str, float]
    seconds: float
    error: str = ""


# The metrics of compiled trees, which use several threads.
_TREES = ("dci", "downstream_boosted_trees")
# Longest first, so that workers finish together; all others after them.
_LONGEST = (
    "downstream_boosted_trees",
    "downstream_logistic_regression",
    "infomec",
    "dci_forest",
    "dci",
)
_shared: dict[str, Any] = {}


def prepare_processes() -> None:
    """Start the server that the processes of `run_jobs` are forked from, and return at once.

    The server is a new process that imports what metrics need: once, and while this process does
    something else, such as encoding. This process itself is never forked: it may hold
    TensorFlow's threads.
    """
    _context().set_forkserver_preload(["deltavae.scoring.worker_imports"])
    known = os.environ.get("PYTHONWARNINGS")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # The tracker removes numba's locks of processes that a signal ended, and would warn of it.
        os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [known, "ignore:resource_tracker"]))
        # Ctrl-C reaches the server too, where it would interrupt an import with a traceback: it
        # is started with the signal blocked. The tracker is first, as its start unblocks it.
        multiprocessing.resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.environ.pop("PYTHONWARNINGS", None)
        if known is not None:
            os.environ["PYTHONWARNINGS"] = known


def _context() -> multiprocessing.context.ForkServerContext:
    return multiprocessing.get_context("forkserver")


def run_jobs(
    jobs: Sequence[Job],
    data: IndexedData | GroundTruthData,
    codes: Mapping[str, np.ndarray | Callable[[np.ndarray], np.ndarray]],
    *,
    settings: str,
    workers: int,
    circles: Mapping[str, Circles] | None = None,
    discrete: bool = False,
    done: Callable[[Job, Outcome], object] | None = None,
) -> dict[Job, Outcome]:
    """Runs the jobs and returns what each gave; the same, to the bit, for any `workers`.

    Args:
        jobs: what to run.
        data: the index that the codes belong to, or a data set.
        codes: by readout, float32 (num_images, k), or a function from a data set's images.
        settings: one of `library_adaptor.SETTINGS`.
        workers: number of processes; 1 runs everything in this one, as do functions.
        circles: by readout, which codes hold an angle.
        discrete: the codes are categories.
        done: called with each job as it ends.
    """
    place = {metric: number for number, metric in enumerate(_LONGEST)}
    queue = sorted(jobs, key=lambda job: place.get(job.metric, len(place)))
    outcomes: dict[Job, Outcome] = {}

    def finished(job: Job, outcome: Outcome) -> None:
        outcomes[job] = outcome
        if done is not None:
            done(job, outcome)

    shared = (data, codes, settings, circles or {}, discrete)
    threads = 1 if sum(job.metric == "dci" for job in jobs) >= workers else workers
    if workers == 1 or len(jobs) == 1 or any(callable(known) for known in codes.values()):
        _start(*shared, workers)
        for job in queue:
            finished(job, _run(job))
        return {job: outcomes[job] for job in jobs}
    prepare_processes()
    killed = "its process was killed, perhaps for want of memory"
    again = []
    with _processes(min(workers, len(jobs)), *shared, threads) as pool:
        with held():  # a process that is half started would fail with a traceback
            futures = {pool.submit(_run, job): job for job in queue}
        for future in concurrent.futures.as_completed(futures):
            try:
                finished(futures[future], future.result())
            except concurrent.futures.process.BrokenProcessPool:
                again.append(futures[future])
    for job in again:  # which of them was to blame is not known: each has a process to itself
        with _processes(1, *shared, threads) as pool:
            with held():
                future = pool.submit(_run, job)
            try:
                finished(job, future.result())
            except concurrent.futures.process.BrokenProcessPool:
                finished(job, Outcome({}, 0.0, killed))
    return {job: outcomes[job] for job in jobs}


@contextlib.contextmanager
def _processes(number: int, *shared: Any) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """A pool whose processes end at once if the block does not get to its end."""
    others = multiprocessing.active_children()
    with concurrent.futures.ProcessPoolExecutor(
        number, _context(), _start_process, shared
    ) as pool:
        try:
            yield pool
        except BaseException:  # a signal: the pool itself would first finish all jobs
            for process in set(multiprocessing.active_children()) - set(others):
                process.kill()
            raise


def _start_process(*shared: Any) -> None:
    # Ctrl-C ends it at once and silently; the process that started it says what happened
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _start(*shared)


def _start(
    data: Any,
    codes: Mapping[str, Any],
    settings: str,
    circles: Mapping[str, Circles],
    discrete: bool,
    threads: int,
) -> None:
    # threads of the boosting wait for each other asleep, since other jobs want the cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _shared.update(
        data=data,
        codes=codes,
        settings=settings,
        circles=circles,
        discrete=discrete,
        threads=threads,
    )


def _set_threads(threads: int) -> None:
    import numba  # here, because most metrics do without

    available = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]
    numba.set_num_threads(max(1, min(threads, available)))


def _run(job: Job) -> Outcome:
    started = time.monotonic()
    codes = _shared["codes"][job.readout]
    try:
        if job.metric in _TREES:
            _set_threads(_shared["threads"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the library's solvers speak of their defaults
            result = run_metric(
                job.metric,
                _shared["data"],
                codes if callable(codes) else codes.__getitem__,
                settings=_shared["settings"],
                protocol=job.protocol,
                seed=job.seed,
                reference=job.reference,
                circles=_shared["circles"].get(job.readout, ()),
                discrete=_shared["discrete"],
            )
        return Outcome(result, time.monotonic() - started)
    except UserError as error:
        return Outcome({}, time.monotonic() - started, error.message)
    except Exception as error:  # one metric's failure must not lose the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        what = (str(error).splitlines() or [""])[0]  # gin appends where it was
        message = f"{type(error).__name__}: {what} ({where.name}, line {where.lineno})"
        return Outcome({}, time.monotonic() - started, message)
