"""Likelihoods of images given the decoder's output: pure functions of tensors.

They are summed over pixels and channels, never averaged: a mean over pixels would change the
scale on which capacity and KL (nats) are compared.
"""

import dataclasses
import math
from collections.abc import Callable

import tensorflow as tf

from deltavae.errors import unknown_name

LOG_2PI = math.log(2 * math.pi)


def normal_log_likelihood(images: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Log density of images under normal distributions with means `outputs` and variance 1.

    Args:
        images: (batch, height, width, channels), in [0, 1].
        outputs: the decoder's output, same shape; the mean itself.

    Returns:
        (batch,), in nats, summed over pixels and channels; the constant is included.
    """
    size = math.prod(images.shape[1:])
    return -_half_squared_distance(images, outputs) - 0.5 * size * LOG_2PI


@tf.custom_gradient
def _half_squared_distance(
    images: tf.Tensor, outputs: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]]:
    # TensorFlow's gradient of the sum writes a copy of it for each pixel first
    difference = tf.reshape(outputs - images, (-1, math.prod(images.shape[1:])))

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        scaled = tf.reshape(upstream[:, None] * difference, tf.shape(outputs))
        return -scaled, scaled

    return 0.5 * tf.reduce_sum(tf.square(difference), axis=1), gradient


def bernoulli_log_likelihood(images: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Log probability of images under independent Bernoulli distributions with logits `outputs`.

    Images in (0, 1) are taken as probabilities, as is customary: then this is minus the
    cross-entropy. Shapes and units as in `normal_log_likelihood`.
    """
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=images, logits=outputs)
    return -tf.reduce_sum(losses, axis=[1, 2, 3])


@dataclasses.dataclass(frozen=True)
class Likelihood:
    """The decoder's distribution: its log-likelihood, and the mean image for an output."""

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
        raise unknown_name("unknown likelihood", name, LIKELIHOODS)
    return LIKELIHOODS[name]
