"""How long and how to train."""

import dataclasses
import math

from deltavae.errors import UserError, unknown_name

SCHEDULES = ("constant", "cosine")
STRATEGIES = ("none", "mirrored", "multi_worker")
"""Which devices share each batch, as `training.strategy.make_strategy` takes it."""


@dataclasses.dataclass(frozen=True)
class TrainSettings:
    """How long and how to train; the gin names are `train.<field>`.

    Args:
        steps: optimiser steps in all.
        batch_size: images per step.
        steps_per_epoch: steps between two changes of C and two checkpoints; None is as many
            draws as there are images, at most 1,000 steps. Images are drawn with replacement.
        learning_rate: of Adam; with a schedule, its highest value.
        learning_rate_schedule: `constant`, or `cosine`: from `learning_rate` down to 0 along
            half a cosine, which ends with the last of `steps`. A run that `max_hours` ends
            early does not get that far.
        warmup_steps: steps before a `cosine` schedule in which the rate rises linearly from 0.
        weight_decay: decoupled weight decay (AdamW) of the kernels; 0 for none.
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
        jit_compile: compile the step with XLA. Halves the speed on a CPU. Not with von
            Mises-Fisher and power spherical posteriors, which XLA cannot draw from.
    """

    steps: int = 300_000
    batch_size: int = 64
    steps_per_epoch: int | None = None
    learning_rate: float = 1e-4
    learning_rate_schedule: str = "constant"
    warmup_steps: int = 0
    weight_decay: float = 0.0
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
        for name in ("learning_rate", "epsilon", "clip_norm", "max_hours"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise UserError(
                    f"train.{name} is impossible", expected="a finite number > 0", received=value
                )
        for name in ("beta1", "beta2"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise UserError(
                    f"train.{name} is impossible", expected=f"0 <= {name} < 1", received=value
                )
        if not 0 <= self.weight_decay < math.inf:
            raise UserError(
                "train.weight_decay is impossible",
                expected="a finite number >= 0",
                received=self.weight_decay,
            )
        if self.learning_rate_schedule not in SCHEDULES:
            raise unknown_name(
                "unknown train.learning_rate_schedule", self.learning_rate_schedule, SCHEDULES
            )
        most = 0 if self.learning_rate_schedule == "constant" else self.steps - 1
        if not isinstance(self.warmup_steps, int) or not 0 <= self.warmup_steps <= most:
            raise UserError(
                "train.warmup_steps is impossible",
                expected="0 with a constant learning rate"
                if most == 0
                else f"a whole number from 0 to {most:,}, below train.steps",
                received=self.warmup_steps,
                advice="Warm-up is a part of train.learning_rate_schedule = 'cosine'."
                if most == 0
                else None,
            )
