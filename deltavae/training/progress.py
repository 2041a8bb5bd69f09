"""What a user sees while a run trains."""

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


class ProgressBar:
    """A bar over all steps of the run, with C, KL and reconstruction, and the time left.

    Refreshed a few times a second at most, so that it costs nothing measurable; without a
    terminal it prints a line at the end of each tenth of the run instead.
    """

    def __init__(self, total_steps: int, first_step: int, console: Console) -> None:
        self.console = console
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

    def update(self, step: int) -> None:
        """Show that `step` steps of the run are made."""
        if self.bar is not None:
            self.bar.update(self.task, completed=step)

    def epoch_done(self, row: dict[str, Any]) -> None:
        """Show an epoch's row of the history."""
        self.step = row["step"]
        terms = (
            f"epoch {row['epoch'] + 1}  C {row['capacity']:.2f}  KL {row['kl']:.2f}  "
            f"-log p {row['reconstruction']:.1f}"
        )
        if self.bar is not None:
            self.bar.update(self.task, completed=self.step, terms=terms)
        elif self.step / self.total >= self.next_line:
            elapsed = time.monotonic() - self.begun
            left = elapsed / max(1, self.step - self.first) * (self.total - self.step)
            self.console.print(
                f"step {self.step:,}/{self.total:,}  {terms}  {elapsed:.0f} s, {left:.0f} s left"
            )
            self.next_line = self.step / self.total + 0.1

    def close(self) -> None:
        """Leave the terminal in order."""
        if self.bar is not None:
            self.bar.stop()
