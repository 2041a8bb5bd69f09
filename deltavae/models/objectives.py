"""What training minimises: reconstruction likelihoods and the weighting of the KL.

All are pure functions of tensors. Likelihoods are summed over pixels and channels, never
averaged: a pixel mean would change the scale on which capacity and KL (nats) are compared.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Self

import keras
import tensorflow as tf

from deltavae.errors import UserError

LOG_2PI = math.log(2 * math.pi)


def normal_log_likelihood(images: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Log density of images under a normal law with mean `outputs` and identity covariance.

    Args:
        images: (batch, height, width, channels), in [0, 1].
        outputs: the decoder's output, same shape; the mean itself.

    Returns:
        (batch,), in nats, summed over pixels and channels; the constant is included.
    """
    size = math.prod(images.shape[1:])
    squared = tf.reduce_sum(tf.math.squared_difference(images, outputs), axis=[1, 2, 3])
    return -0.5 * squared - 0.5 * size * LOG_2PI


def bernoulli_log_likelihood(images: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Log probability of images under independent Bernoulli laws with logits `outputs`.

    Images in (0, 1) are taken as probabilities, as is customary: then this is minus the
    cross-entropy. Shapes and units as in `normal_log_likelihood`.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=outputs)
    return -tf.reduce_sum(losses, axis=[1, 2, 3])


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """The decoder's law: its log-likelihood, and the mean image for a decoder output."""

    name: str
    log_likelihood: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    mean: Callable[[tf.Tensor], tf.Tensor]
    constant: float  # nats per pixel and channel that do not depend on the outputs


def _identity(outputs: tf.Tensor) -> tf.Tensor:
    return outputs


LIKELIHOODS = {
    "normal": Likelihood("normal", normal_log_likelihood, _identity, 0.5 * LOG_2PI),
    "bernoulli": Likelihood("bernoulli", bernoulli_log_likelihood, tf.sigmoid, 0.0),
}


def get_likelihood(name: str) -> Likelihood:
    """The likelihood of that name; an unknown one is a `UserError` naming those there are."""
    if name not in LIKELIHOODS:
        raise UserError(
            "unknown likelihood", expected=" or ".join(LIKELIHOODS), received=repr(name)
        )
    return LIKELIHOODS[name]


def _check_beta(beta: float) -> None:
    if not (math.isfinite(beta) and beta >= 0):
        raise UserError(
            "the weight of the KL is impossible", expected="a finite beta >= 0", received=beta
        )


@keras.saving.register_keras_serializable("deltavae")
class BetaObjective:
    """beta-VAE (Higgins et al., ICLR 2017): loss = -log p(x|z) + beta KL.

    `beta` = 1 is the ELBO, equation (1). `capacity` is ignored.
    """

    uses_capacity = False

    def __init__(self, beta: float = 1.0) -> None:
        _check_beta(beta)
        self.beta = beta

    def penalty(self, kl: tf.Tensor, capacity: tf.Tensor, restoring: tf.Tensor) -> tf.Tensor:
        """What is added to -log p(x|z), per image: (batch,), in nats times beta."""
        del capacity, restoring
        return self.beta * kl

    def get_config(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {"beta": self.beta}

    @classmethod
    def from_config(cls, config: dict[str, float]) -> Self:
        """Rebuild from `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable("deltavae")
class CapacityObjective:
    """Capacity annealing, equation (2): loss = -log p(x|z) + beta |KL - C|, per image.

    The exact KL of a diffusion goes flat as the posterior nears the uniform law, so its
    pull towards C vanishes there and a posterior that once got there stays. A restoring
    force `2 beta relu(log t - log t_max)`, which does not vanish, is added beyond the time
    t_max where the exact KL is about 0.1 nat; below t_max it is zero and (2) is unchanged.
    With equation (3) for the KL, t_max is where (3) is least: beyond, each C has a second,
    spurious root. Posteriors that cannot go flat have no such force.
    """

    uses_capacity = True

    def __init__(self, beta: float = 10.0) -> None:
        _check_beta(beta)
        self.beta = beta

    def penalty(self, kl: tf.Tensor, capacity: tf.Tensor, restoring: tf.Tensor) -> tf.Tensor:
        """What is added to -log p(x|z), per image: (batch,), in nats times beta."""
        return self.beta * (tf.abs(kl - capacity) + 2.0 * restoring)

    def get_config(self) -> dict[str, float]:
        """The constructor's arguments."""
        return {"beta": self.beta}

    @classmethod
    def from_config(cls, config: dict[str, float]) -> Self:
        """Rebuild from `get_config`."""
        return cls(**config)
