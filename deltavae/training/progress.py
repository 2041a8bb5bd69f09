"""What a user sees while a run trains."""

import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_MEASURED = 5.0  # seconds of training that tell how long a step takes


class ProgressBar:
    """A bar over all steps of the run, with terms of the last epoch, and the time left.

    The terms are C where the objective has one, KL, reconstruction, and the objective's own.

    Refreshed a few times a second at most, so that it costs nothing measurable; without a
    terminal it prints a line at the end of each tenth of the run instead, and the time left as
    soon as some seconds of training have shown it.
    """

    def __init__(
        self, total_steps: int, first_step: int, console: Console, reports: Sequence[str] = ()
    ) -> None:
        self.console = console
        self.reports = reports
        self.total = total_steps
        self.step = first_step
        self.bar: Progress | None = None
        if console.is_terminal:
            self.bar = Progress(
                TextColumn("training"),
                BarColumn(),
                TextColumn("{task.completed:,}/{task.total:,} steps"),
                TextColumn("{task.fields[terms]}"),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                console=console,
                refresh_per_second=2,
            )
            self.task = self.bar.add_task("", total=total_steps, completed=first_step, terms="")
            self.bar.start()
        self.begun = time.monotonic()
        self.first = first_step
        self.next_line = 0.0
        # when the first call of the compiled step, which compiles it, was over
        self.compiled: tuple[float, int] | None = None
        self.estimated = False

    def update(self, step: int) -> None:
        """Show that `step` steps of the run are made."""
        self.step = step
        now = time.monotonic()
        if self.compiled is None:
            self.compiled = now, step
        if self.bar is not None:
            self.bar.update(self.task, completed=step)
        elif not self.estimated and now - self.compiled[0] >= _MEASURED:
            self.estimated = True
            left = self._seconds_left()
            each = 1000 * left / max(1, self.total - step)
            digits = 0 if each >= 10 else 1
            self.console.print(f"about {_duration(left)} left, {each:,.{digits}f} ms per step")

    def _seconds_left(self) -> float:
        since, first = self.compiled or (self.begun, self.first)
        if self.step == first:
            since, first = self.begun, self.first
        return (time.monotonic() - since) / max(1, self.step - first) * (self.total - self.step)

    def epoch_done(self, row: dict[str, Any]) -> None:
        """Show an epoch's row of the history."""
        self.step = row["step"]
        capacity = [f"C {row['capacity']:.2f}"] if "capacity" in row else []
        own = [f"{name.replace('_', ' ')} {row[name]:.3g}" for name in self.reports]
        kl, reconstruction = f"KL {row['kl']:.2f}", f"-log p {row['reconstruction']:.1f}"
        terms = "  ".join([f"epoch {row['epoch'] + 1}", *capacity, kl, reconstruction, *own])
        if self.bar is not None:
            self.bar.update(self.task, completed=self.step, terms=terms)
        elif self.step / self.total >= self.next_line:
            elapsed, left = time.monotonic() - self.begun, self._seconds_left()
            self.console.print(
                f"step {self.step:,}/{self.total:,}  {terms}  "
                f"{_duration(elapsed)}, {_duration(left)} left",
                soft_wrap=True,
            )
            self.estimated = True
            self.next_line = self.step / self.total + 0.1

    def close(self) -> None:
        """Leave the terminal in order."""
        if self.bar is not None:
            self.bar.stop()


def _duration(seconds: float) -> str:
    """Seconds below ten minutes, then minutes, then hours and minutes."""
    if seconds < 600:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"
