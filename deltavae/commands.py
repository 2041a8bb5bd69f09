"""What `train.py` does: flags to a configured call, all that can be wrong found first."""

import dataclasses
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from rich.console import Console

from deltavae.aicrowd import Events, environment
from deltavae.errors import UserError
from deltavae.run_dir import RunDir, require_writable

# The platform's time limit could not be confirmed: a run that ends by itself also exports.
GRADING_HOURS = 7.0


def user_errors(command: Callable[[], int]) -> int:
    """Run `command`; a `UserError` becomes one line on standard error and status 2."""
    try:
        return command()
    except UserError as error:
        # gin appends where it was to a message that passes through it
        sys.stderr.write(f"error: {str(error).splitlines()[0]}\n")
        return 2


def train_command(
    *,
    files: Sequence[str],
    bindings: Sequence[str],
    dataset: str | None,
    output_dir: str | None,
    resume: bool,
    overwrite: bool,
) -> int:
    """Train and export, as the flags of `train.py` say; returns the exit status.

    Tells the platform of start, progress and failure. The last event, `submit`, is left to a
    process that comes after this one (`run.sh`), when the GPU is free again.
    """
    events = Events()

    def command() -> int:
        output = output_dir or environment().run_path
        target = _where(output, resume, overwrite)
        chosen = list(files)
        if not chosen:
            chosen = [str(target.config)] if resume else ["gin/base.gin"]
        extra = list(bindings)
        if dataset is not None:
            extra.append(f'dataset.name = "{dataset}"')
        _train(chosen, extra, target, resume, events)
        if target.path != Path(output):
            _replace(target.path, Path(output))
        sys.stderr.write(f"run written to {output}\n")
        return 0

    def reported() -> int:
        try:
            events.started()
            return command()
        except BaseException as error:
            events.error(error)
            raise

    return user_errors(reported)


def _train(
    files: list[str], bindings: list[str], run_dir: RunDir, resume: bool, events: Events
) -> None:
    # imported here, so that a wrong flag is answered at once and --help needs no TensorFlow
    from deltavae.config import configured
    from deltavae.training import seed_everything, train

    console = Console(stderr=True)
    with configured(files, bindings) as experiment:
        settings, capacity, readout = experiment.settings, experiment.capacity, experiment.readout
        if settings.max_hours is None and environment().is_grading:
            settings = dataclasses.replace(settings, max_hours=GRADING_HOURS)
        seed_everything(settings.seed, settings.deterministic)
        data = experiment.data()
        model = experiment.model(data.image_shape)
        console.print(
            f"{data.name}: {data.num_images:,} images; {model.count_params():,} weights; "
            f"{settings.steps:,} steps of batch {settings.batch_size}"
        )
        run_dir.path.mkdir(parents=True, exist_ok=True)
        with _locked(run_dir):
            train(
                model,
                data,
                settings,
                capacity,
                run_dir,
                config=experiment.text(),
                readout=readout,
                resume=resume,
                events=events,
                console=console,
            )


def _where(output_dir: str | Path, resume: bool, overwrite: bool) -> RunDir:
    """The folder to train in: the one named or, to replace a run, a new one beside it."""
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other")
    require_writable(output_dir)
    path = Path(output_dir)
    beside = path.with_name(path.name + ".new")
    begun = RunDir(path).model.exists()
    if resume:
        return RunDir(beside if RunDir(beside).config.is_file() else path)
    if begun and not overwrite:
        raise UserError(
            f"{path} already holds a run",
            expected="an empty or new folder",
            advice="Add --resume to continue it or --overwrite to replace it.",
        )
    if begun:
        shutil.rmtree(beside, ignore_errors=True)
        return RunDir(beside)
    return RunDir(path)


def _replace(new: Path, old: Path) -> None:
    aside = old.with_name(old.name + ".old")
    os.rename(old, aside)
    os.rename(new, old)
    shutil.rmtree(aside, ignore_errors=True)


def _locked(run_dir: RunDir) -> IO[str]:
    """Hold the run's lock while the returned file is open; the kernel frees a dead owner's."""
    file = (run_dir.path / ".lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        raise UserError(
            f"another process trains in {run_dir.path}",
            expected="a folder that nobody writes to",
            received=f"one locked by process {file.read().strip() or 'unknown'}",
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
