"""Carries out a study: what is missing, once each, with retries; results into one table."""

import json
import math
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import deltavae
from deltavae.io import locked, read_json, write_json
from deltavae.studies.engine import Engine, Job, Outcome
from deltavae.studies.folder import FORMAT, StudyFolder
from deltavae.studies.results_table import open_stream, read_table, write_table
from deltavae.studies.run_spec import RunSpec, Scoring
from deltavae.studies.study import Study

_TABLE_EVERY = 60.0
"""Seconds between two writings of the CSV; the stream of JSON lines has each run at once."""
_LOSSES = 10
"""How often a run may lose its worker; losses say nothing against the run itself."""
USER_ERROR = 2
"""Exit status of a run that only the user can correct: it is not tried again."""
_LOG_TAIL = 2000

Command = Callable[[Path], list[str]]


@dataclass
class Progress:
    """How far a study is: numbers of runs; `not_started` for lack of time."""

    total: int = 0
    skipped: int = 0
    done: int = 0
    failed: int = 0
    retried: int = 0
    not_started: int = 0


@dataclass
class Budget:
    """A time budget, from now on.

    Attributes:
        hours: None for no bound.
        longest: seconds of the longest run so far; 0 while none has ended.
    """

    hours: float | None
    longest: float
    begun: float = field(default_factory=time.monotonic)

    def allows_another(self) -> bool:
        """Whether a run as long as the longest so far would end in time."""
        left = math.inf if self.hours is None else 3600 * self.hours
        return time.monotonic() - self.begun + self.longest <= left


def worker_command(spec_file: Path) -> list[str]:
    """Command of a real run: one fresh process that trains and scores."""
    return [sys.executable, "-m", "deltavae", "study_worker", str(spec_file)]


def run_study(
    study: Study,
    folder: StudyFolder,
    make_engine: Callable[[], Engine],
    *,
    command: Command = worker_command,
    progress: Callable[[Progress], None] = lambda _: None,
    hours: float | None = None,
) -> Progress:
    """Do every run of a study that is not done yet.

    Args:
        study: what to do.
        folder: where; locked meanwhile.
        make_engine: called once all is checked, unless every run is done.
        command: gives the process of a run from its `spec.json`; it must leave `result.json`
            in the same folder and exit with 0.
        progress: called after every run, when its rows are in the folder's stream.
        hours: a time budget. Runs start one per slot until the first has ended; after that a
            run starts only where the longest so far would end in time.

    Returns:
        The final numbers.

    Raises:
        UserError: the folder is in use, or is another study's or version's.
    """
    with locked(folder.path):
        folder.open(study.to_json())
        state = Progress()
        missing, longest = [], 0.0
        with open_stream(folder.stream) as stream:
            for spec in study.runs():
                state.total += 1
                result = folder.result(spec, study.scoring)
                if result is None:
                    missing.append(spec)
                else:
                    state.skipped += 1
                    stream.add(result["rows"])
                    longest = max([longest, *(_seconds(row) for row in result["rows"])])
            progress(state)
            try:
                if missing:
                    with make_engine() as engine:
                        budget = Budget(hours, longest)
                        for result in _carry_out(
                            missing, study, folder, engine, command, state, progress, budget
                        ):
                            stream.add(result["rows"])
            finally:
                stream.close()
                write_table(read_table(folder.stream), folder.table)
        return state


def _carry_out(
    missing: list[RunSpec],
    study: Study,
    folder: StudyFolder,
    engine: Engine,
    command: Command,
    state: Progress,
    progress: Callable[[Progress], None],
    budget: Budget,
) -> Iterator[dict[str, Any]]:
    """Results in the order in which runs end."""
    waiting = deque(missing)
    running: dict[str, RunSpec] = {}
    failures: Counter[str] = Counter()
    losses: Counter[str] = Counter()
    written = time.monotonic()
    while True:
        room = engine.capacity if budget.hours is None else engine.slots
        while waiting and len(running) < room and budget.allows_another():
            spec = waiting.popleft()
            running[spec.id] = spec
            engine.submit(_job(spec, study.scoring, folder, command))
        if not running:
            state.not_started = len(waiting)
            return
        outcome = engine.next()
        budget.longest = max(budget.longest, outcome.seconds if outcome.status == 0 else 0.0)
        spec = running.pop(outcome.key)
        result = folder.result(spec, study.scoring) if outcome.status == 0 else None
        if result is not None:
            failures.pop(spec.id, None)
            losses.pop(spec.id, None)
            (folder.run(spec) / "failure.json").unlink(missing_ok=True)
            state.done += 1
            yield result
        else:
            lost, final = outcome.status is None, outcome.status == USER_ERROR
            counts = losses if lost else failures
            allowed = _LOSSES if lost else 0 if final else study.retries
            counts[spec.id] += 1
            if counts[spec.id] <= allowed:
                state.retried += 1
                waiting.appendleft(spec)
            else:
                state.failed += 1
                _give_up(folder.run(spec), spec, outcome, counts[spec.id])
        progress(state)
        if time.monotonic() - written > _TABLE_EVERY:
            write_table(read_table(folder.stream), folder.table)
            written = time.monotonic()


def _seconds(row: dict[str, Any]) -> float:
    return float(row.get("train_seconds") or 0.0) + float(row.get("score_seconds") or 0.0)


def _job(spec: RunSpec, scoring: Scoring, folder: StudyFolder, command: Command) -> Job:
    path = folder.run(spec)
    path.mkdir(parents=True, exist_ok=True)
    spec_file = path / "spec.json"
    write_json(
        spec_file,
        {
            "format": FORMAT,
            "version": deltavae.__version__,
            "run": asdict(spec),
            "scoring": asdict(scoring),
        },
    )
    return Job(spec.id, tuple(command(spec_file)), str(path / "log.txt"), spec.cores)


def _give_up(path: Path, spec: RunSpec, outcome: Outcome, times: int) -> None:
    log = path / "log.txt"
    tail = log.read_bytes()[-_LOG_TAIL:].decode(errors="replace") if log.exists() else ""
    write_json(
        path / "failure.json",
        {
            "setting": spec.setting,
            "dataset": spec.dataset,
            "seed": spec.seed,
            "status": outcome.status,
            "times": times,
            "log": tail,
        },
    )


def failures(study: Study, folder: StudyFolder) -> list[dict[str, Any]]:
    """What was given up and not done since, with the ends of the logs."""
    paths = (folder.run(spec) / "failure.json" for spec in study.runs())
    return [{"folder": str(p.parent), **read_json(p)} for p in paths if p.exists()]


def describe(study: Study, folder: StudyFolder) -> str:
    """Every run with its state, as JSON lines."""
    lines = []
    first = study.only[0] if study.only else 0
    for number, spec in enumerate(study.runs(), first):
        done = folder.result(spec, study.scoring) is not None
        given_up = (folder.run(spec) / "failure.json").exists()
        lines.append(
            json.dumps(
                {
                    "number": number,
                    "id": spec.id,
                    "state": "done" if done else "failed" if given_up else "missing",
                    "setting": spec.setting,
                    "dataset": spec.dataset,
                    "seed": spec.seed,
                }
            )
        )
    return "\n".join(lines)
