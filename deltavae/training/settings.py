"""How long and how to train."""

import dataclasses

from deltavae.errors import UserError


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """How long and how to train; the gin names are `train.<field>`.

    Args:
        steps: optimiser steps in all.
        batch_size: images per step.
        steps_per_epoch: steps between two changes of C and two checkpoints; None is one
            pass over the images, at most 1,000.
        learning_rate: of Adam.
        beta1: Adam's decay of the mean.
        beta2: Adam's decay of the squares.
        epsilon: Adam's.
        clip_norm: bound on the norm of all gradients together; None for none.
        holdout: fraction of the images that is not trained on, the same images for every seed.
        seed: of weights, noise and the order of images.
        deterministic: use TensorFlow's deterministic ops, so that the same seed gives the
            same weights bit for bit on the same machine; slower.
        max_hours: time budget; training ends in time, with the ramp of C restated to fit.
            The time counts from the first step and leaves five minutes, or a tenth of it
            where that is less, for the export.
        steps_per_execution: steps that one call of the compiled function makes.
        jit_compile: compile the step with XLA. Halves the speed on a CPU.
    """

    steps: int = 300_000
    batch_size: int = 64
    steps_per_epoch: int | None = None
    learning_rate: float = 1e-4
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    clip_norm: float | None = None
    holdout: float = 0.0
    seed: int = 0
    deterministic: bool = False
    max_hours: float | None = None
    steps_per_execution: int = 1
    jit_compile: bool = False

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "steps_per_epoch", "steps_per_execution"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise UserError(
                    f"train.{name} is impossible", expected="a whole number >= 1", received=value
                )
        if not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise UserError(
                "train.seed is impossible",
                expected="a whole number from 0, below 2^31",
                received=self.seed,
            )
        if not 0 <= self.holdout < 1:
            raise UserError(
                "train.holdout is impossible", expected="0 <= holdout < 1", received=self.holdout
            )
        for name in ("learning_rate", "clip_norm", "max_hours"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(
                    f"train.{name} is impossible", expected="a number > 0", received=value
                )
