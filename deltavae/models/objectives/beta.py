"""beta-VAE: the KL times a constant."""

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.models.objectives.base import Codes, Objective, bounded_kl, check_weight


@keras.saving.register_keras_serializable("deltavae")
class BetaObjective(Objective):
    """beta-VAE: loss = -log p(x|z) + beta KL, per image.

    Higgins et al., beta-VAE (ICLR 2017), equation (4). `beta` = 1 is minus the ELBO.

    Args:
        beta: weight of the KL, >= 0.
    """

    has_capacity = False

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = check_weight("beta", beta)

    @override
    def terms(self, codes: Codes) -> dict[str, tf.Tensor]:
        return {"penalty": self.beta * bounded_kl(codes)}

    @override
    def get_config(self) -> dict[str, float]:
        return {"beta": self.beta}
