"""The optimiser: Adam or AdamW, with a constant learning rate or a cosine schedule."""

import keras

from deltavae.models.adam import FusedAdam
from deltavae.models.delta_vae import DeltaVAE
from deltavae.training.settings import TrainSettings


def make_optimizer(model: DeltaVAE, settings: TrainSettings) -> FusedAdam:
    """Make the optimiser of `settings`, built on the weights of `model`.

    Weight decay is decoupled (AdamW, Loshchilov and Hutter, arXiv 1711.05101): each step
    takes `learning_rate * weight_decay` of every kernel off it, besides Adam's step. Biases
    and scales do not decay.
    """
    optimizer = FusedAdam(
        _schedule(settings) or settings.learning_rate,
        settings.beta1,
        settings.beta2,
        settings.epsilon,
        weight_decay=settings.weight_decay or None,
        global_clipnorm=settings.clip_norm,
    )
    variables = model.trainable_variables
    if settings.weight_decay:
        optimizer.exclude_from_weight_decay([v for v in variables if v.name != "kernel"])
    optimizer.build(variables)
    return optimizer


def learning_rate_at(settings: TrainSettings, step: int) -> float:
    """The learning rate of a step, counted from 0.

    A function of the step and the settings alone, so that a resumed run has the rates of one
    that was never stopped.
    """
    schedule = _schedule(settings)
    return settings.learning_rate if schedule is None else float(schedule(step))


def _schedule(settings: TrainSettings) -> keras.optimizers.schedules.LearningRateSchedule | None:
    if settings.learning_rate_schedule == "constant":
        return None
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        settings.steps - settings.warmup_steps,
        warmup_target=settings.learning_rate,
        warmup_steps=settings.warmup_steps,
    )
