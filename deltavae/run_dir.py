"""The names of everything a run writes."""

import os
import shutil
from pathlib import Path

from deltavae.errors import UserError, command
from deltavae.io import locked, remove_remains, require_writable

PARTS = ("model", "representation", "metrics", "plots", "scores.json", "report.html")
"""What a run consists of; `--overwrite` replaces these and leaves anything else alone."""


class RunDir:
    """One run is one folder; this class knows the name of each thing in it.

    The layout is the one of the 2019 challenge's starter kit: `model/` for what training
    leaves, `representation/` for what the grader loads, `metrics/` for local scores.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.model = self.path / "model"
        self.checkpoints = self.model / "checkpoints"
        self.config = self.model / "config.gin"
        self.history = self.model / "history.json"
        self.info = self.model / "run.json"
        self.keras_model = self.model / "model.keras"
        self.tensorboard = self.model / "tensorboard"
        self.representation = self.path / "representation"
        self.tfhub = self.representation / "tfhub"
        self.results = self.representation / "results"
        self.metrics = self.path / "metrics"
        self.scores = self.path / "scores.json"
        self.report = self.path / "report.html"

    @property
    def replacement(self) -> "RunDir":
        """The run that is to take this one's place, inside its folder.

        Inside, because the folder itself can be a mount point, a symbolic link or the current
        folder, none of which can be exchanged for another.
        """
        return RunDir(self.path / ".new")

    def can_be_resumed(self) -> bool:
        """Whether a training left something to continue from."""
        return self.config.is_file() or any(self.checkpoints.glob("epoch-*"))

    def is_begun(self) -> bool:
        """Whether the folder holds a run, or what would be lost if one were written there."""
        return (
            self.can_be_resumed()
            or self.keras_model.exists()
            or (self.model.exists() and not self.model.is_dir())
            or (self.representation.is_dir() and any(self.representation.iterdir()))
        )

    def remove_remains(self) -> None:
        """Remove what a training left that was killed while it wrote; only under the lock."""
        remove_remains(self.path, self.representation.name)
        remove_remains(self.model)
        remove_remains(self.checkpoints)

    def adopt_replacement(self) -> None:
        """Put `replacement` in the place of this run, by renames within the folder.

        A crash leaves one or the other whole, or a state that `finish_adoption` completes.
        """
        self._aside.mkdir(exist_ok=True)
        for name in PARTS:
            if not os.path.lexists(self.replacement.path / name):
                self._put_aside(name)
        os.rename(self.replacement.path, self._adopted)
        self.finish_adoption()

    def finish_adoption(self) -> None:
        """Complete an `adopt_replacement` that was cut short; otherwise do nothing."""
        if self._adopted.is_dir():
            self._aside.mkdir(exist_ok=True)
            for name in PARTS:
                if os.path.lexists(self._adopted / name):
                    self._put_aside(name)
                    os.rename(self._adopted / name, self.path / name)
            shutil.rmtree(self._adopted)
        shutil.rmtree(self._aside, ignore_errors=True)

    @property
    def _adopted(self) -> Path:
        return self.path / ".adopted"

    @property
    def _aside(self) -> Path:
        return self.path / ".old"

    def _put_aside(self, name: str) -> None:
        if os.path.lexists(self.path / name):
            os.rename(self.path / name, self._aside / name)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunDir({str(self.path)!r})"


def folder_to_train_in(
    output_dir: Path, *, resume: bool, overwrite: bool, configured: bool, restarted: bool = False
) -> RunDir:
    """The folder to train in: the one named or, to replace a run, its `replacement`.

    Args:
        output_dir: the folder named by the user, which need not exist yet.
        resume: continue the run that is there.
        overwrite: replace the run that is there.
        configured: whether the user gives a configuration, so that a resumed run can do
            without its own.
        restarted: `resume` also begins a run where there is none.

    Raises:
        UserError: the folder cannot be used so.
    """
    if resume and overwrite:
        raise UserError("--resume and --overwrite exclude each other")
    require_writable(output_dir)
    run = RunDir(output_dir)
    if run._adopted.is_dir():
        with locked(run):
            run.finish_adoption()
    if resume:
        found = run.replacement if run.replacement.can_be_resumed() else run
        if found.config.is_file() or restarted or (configured and found.can_be_resumed()):
            return found
        if found.can_be_resumed():
            raise UserError(
                f"the run in {output_dir} has lost its configuration",
                expected=found.config,
                received="none",
                advice="Give the one that began it with --gin_config beside --resume, or begin "
                "again with --overwrite.",
            )
        raise UserError(
            "there is no run to resume",
            expected=f"one that {command('train')} began in {output_dir}",
            received="none",
            advice="Begin again with --overwrite in place of --resume."
            if run.is_begun()
            else "Leave out --resume to begin one.",
        )
    if not run.is_begun():
        return run
    if not overwrite:
        ways = "--overwrite to replace it"
        if run.can_be_resumed() or run.replacement.can_be_resumed():
            ways = f"--resume to continue it or {ways}"
        raise UserError(
            f"{output_dir} already holds a run",
            expected="an empty or new folder",
            advice=f"Add {ways}.",
        )
    for name in PARTS:
        if os.path.ismount(run.path / name):
            raise UserError(
                f"{run.path / name} cannot be replaced",
                expected="a folder of the run",
                received="a mount point",
                advice="Name another folder with --output_dir.",
            )
    return run.replacement
