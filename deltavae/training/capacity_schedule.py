"""Schedules over epochs: the capacity C and the weight beta."""

import dataclasses
import math
from typing import Self

from deltavae.errors import UserError


@dataclasses.dataclass(frozen=True)
class Capacity:
    """Capacity C in nats, rising linearly, once per epoch, from `start` to `stop`.

    Epoch 0 trains at `start`, epoch `num_epochs` and all later ones at `stop` (Burgess et
    al., arXiv 1804.03599; equation (2) of the Diffusion VAE submission).

    Args:
        start: C of the first epoch, in nats, >= 0.
        stop: C at the end of the ramp, in nats, >= 0.
        num_epochs: length of the ramp in epochs, >= 0; None leaves it to the run, which
            takes 60% of its epochs.
    """

    start: float = 0.0
    stop: float = 15.0
    num_epochs: int | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.start < math.inf and 0 <= self.stop < math.inf):
            raise UserError(
                "the capacity is impossible",
                expected="finite capacity.start >= 0 and capacity.stop >= 0 (nats)",
                received=f"{self.start} and {self.stop}",
            )
        whole = isinstance(self.num_epochs, int | None)
        if not whole or (self.num_epochs is not None and self.num_epochs < 0):
            raise UserError(
                "the ramp of the capacity has no such length",
                expected="capacity.num_epochs a whole number >= 0, or None",
                received=self.num_epochs,
            )

    def at(self, epoch: int, total_epochs: int) -> float:
        """C in nats during `epoch` (counted from 0) of a run of `total_epochs`."""
        ramp = self.num_epochs
        if ramp is None:
            ramp = round(0.6 * total_epochs)
        if epoch >= ramp:
            return self.stop
        return self.start + (self.stop - self.start) * epoch / ramp

    def restated(self, planned: int, total: int) -> Self:
        """The same schedule for a run cut from `planned` to `total` epochs.

        A ramp of `num_epochs` takes the same share of the run as before.
        """
        if self.num_epochs is None or total >= planned:
            return self
        return dataclasses.replace(self, num_epochs=round(self.num_epochs * total / planned))


def count_epochs(steps: int, steps_per_epoch: int) -> int:
    """The number of epochs that `steps` make; a shorter last epoch counts as one."""
    return -(-steps // steps_per_epoch)


def epoch_length(num_images: int, batch_size: int, steps_per_epoch: int | None) -> int:
    """Steps in an epoch: as given, else as many draws as images, at most 1,000 steps."""
    if steps_per_epoch is not None:
        return steps_per_epoch
    return max(1, min(1000, -(-num_images // batch_size)))
