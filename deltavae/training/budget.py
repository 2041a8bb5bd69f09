"""A time budget: what it leaves for training, and how many epochs fit."""

from collections.abc import Sequence


def training_seconds(max_hours: float) -> float:
    """What a budget leaves for steps: all but five minutes, or a tenth, for the export."""
    budget = 3600 * max_hours
    return budget - min(300.0, 0.1 * budget)


def epochs_in_time(planned: int, seconds: Sequence[float], max_hours: float | None) -> int:
    """The number of epochs, at most `planned`, that a run will have made when time is up.

    Args:
        planned: epochs that the run was to have.
        seconds: what each epoch so far has taken; the last five tell how long one takes.
        max_hours: the budget; None for none.
    """
    if max_hours is None or not seconds:
        return planned
    recent = seconds[-5:]
    left = training_seconds(max_hours) - sum(seconds)
    more = max(0, int(left * len(recent) / max(sum(recent), 1e-9)))
    return min(planned, len(seconds) + more)
