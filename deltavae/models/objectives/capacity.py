"""Capacity annealing as the Diffusion VAE submission has it: per image, C set per epoch."""

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.models.objectives.base import Codes, Objective, check_weight


@keras.saving.register_keras_serializable("deltavae")
class CapacityObjective(Objective):
    """Capacity annealing, equation (2): loss = -log p(x|z) + beta |KL - C|, per image.

    The exact KL of a diffusion saturates as the posterior nears the uniform distribution, so
    its pull towards C vanishes there and a posterior that once got there stays. A barrier
    penalty `2 beta relu(log t - log t_max)`, which does not vanish, is added beyond the
    diffusion time t_max where the exact KL is about 0.1 nat; below t_max it is zero and (2) is
    unchanged. With equation (3) for the KL, t_max is where (3) is least: beyond, each C has a
    second, spurious root. Posteriors whose KL cannot saturate have no barrier.

    The AnnealedVAE of the field's standard study differs in two places: see
    `AnnealedVAEObjective`.

    Args:
        beta: weight of the distance of the KL from C, >= 0.
    """

    def __init__(self, beta: float = 10.0) -> None:
        self.beta = check_weight("beta", beta)

    @override
    def terms(self, codes: Codes) -> dict[str, tf.Tensor]:
        barrier = codes.posterior.barrier(codes.parameters)
        return {"penalty": self.beta * (tf.abs(codes.kl - codes.capacity) + 2.0 * barrier)}

    @override
    def get_config(self) -> dict[str, float]:
        return {"beta": self.beta}
