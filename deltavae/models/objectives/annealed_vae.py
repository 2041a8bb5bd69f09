"""AnnealedVAE as the field's standard study has it: per batch, C set per step."""

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.models.objectives.base import Codes, Objective, check_weight, mean_of


@keras.saving.register_keras_serializable("deltavae")
class AnnealedVAEObjective(Objective):
    """AnnealedVAE: loss = -log p(x|z) + gamma |mean KL - C|.

    Burgess et al., Understanding disentangling in beta-VAE (arXiv 1804.03599), equation (8),
    as Locatello et al. (arXiv 1811.12359) trained it. Against `CapacityObjective`, |.| is taken
    of the batch's mean KL and not image by image, and C rises with every step instead of every
    epoch: the bindings of `capacity` are not used. Where the KL saturates, the barrier of
    `CapacityObjective` is added, which is zero for normal posteriors.

    Args:
        gamma: weight of the distance of the KL from C, >= 0.
        c_max: C at the end of its rise, in nats, >= 0.
        steps: steps in which C rises from 0, >= 1.
    """

    def __init__(self, gamma: float = 1000.0, c_max: float = 25.0, steps: int = 100_000) -> None:
        self.gamma = self.beta = check_weight("gamma", gamma)
        self.c_max = check_weight("c_max", c_max)
        if not isinstance(steps, int) or steps < 1:
            raise UserError(
                "the capacity of AnnealedVAEObjective has no steps to rise in",
                expected="a whole number of steps >= 1",
                received=steps,
            )
        self.steps = steps

    @override
    def capacity(self, scheduled: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
        share = tf.cast(step, tf.float32) / self.steps
        return tf.minimum(tf.constant(self.c_max, tf.float32), self.c_max * share)

    @override
    def terms(self, codes: Codes) -> dict[str, tf.Tensor]:
        barrier = mean_of(codes.posterior.barrier(codes.parameters))
        distance = tf.abs(mean_of(codes.kl) - codes.capacity)
        return {"penalty": self.gamma * (distance + 2.0 * barrier)}

    @override
    def get_config(self) -> dict[str, float]:
        return {"gamma": self.gamma, "c_max": self.c_max, "steps": self.steps}
