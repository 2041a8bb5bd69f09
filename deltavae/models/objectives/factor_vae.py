"""FactorVAE: a discriminator estimates the total correlation of the codes."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.models.adam import FusedAdam
from deltavae.models.objectives.base import (
    Codes,
    Objective,
    bounded_kl,
    check_weight,
    num_replicas,
    own_rows,
    require_total_correlation,
    whole_batch,
)
from deltavae.posteriors import Posterior


@keras.saving.register_keras_serializable("deltavae")
class FactorVAEObjective(Objective):
    """FactorVAE: loss = -log p(x|z) + KL + gamma TC, the TC as a discriminator sees it.

    Kim and Mnih, Disentangling by Factorizing (arXiv 1802.05983), equation (2) and algorithm 2.
    The discriminator tells codes z of the batch from codes whose factors (coordinates of R^d,
    circles of a torus, parts of a `Product`) come each from another image. As in
    disentanglement_lib both are of the same batch, and codes and discriminator learn from the
    same forward pass: its estimate of TC is the mean of logit 0 - logit 1 over z.

    The discriminator is that of Locatello et al. (arXiv 1811.12359): 6 layers of 1000 leaky
    ReLUs, Adam at 1e-4 with betas .5 and .9.

    Args:
        gamma: weight of the total correlation, >= 0.
        units: width of the discriminator's layers, >= 1.
        layers: their number, >= 1.
    """

    reports = ("total_correlation", "discriminator_loss")
    has_capacity = False
    smallest_batch = 2

    def __init__(self, gamma: float = 30.0, units: int = 1000, layers: int = 6) -> None:
        self.gamma = check_weight("gamma", gamma)
        for name, value in (("units", units), ("layers", layers)):
            if not isinstance(value, int) or not 1 <= value <= 2**16:
                raise UserError(
                    f"the discriminator has an impossible number of {name}",
                    expected=f"a whole number of {name} from 1 to {2**16:,}",
                    received=value,
                )
        self.units, self.layers = units, layers

    @override
    def build(self, posterior: Posterior) -> None:
        require_total_correlation(self, posterior)
        self.network = discriminator(posterior.latent_dim, self.units, self.layers)
        self.optimizer = FusedAdam(1e-4, 0.5, 0.9, 1e-8)
        self.optimizer.build(self.network.trainable_variables)

    @override
    def terms(self, codes: Codes) -> dict[str, Any]:
        assert self.network is not None
        z, seed = codes.z, tf.random.fold_in(codes.seed, 1)
        permuted = own_rows(permute_factors(codes.posterior, whole_batch(z), seed))
        embedded = codes.posterior.embed(z)
        rows = tf.shape(z)[0]
        both = tf.stop_gradient(tf.concat([embedded, codes.posterior.embed(permuted)], axis=0))
        weights = self.network.trainable_variables
        with tf.GradientTape() as tape:
            tape.watch(both)
            logits = self.network(both)
            ratio = logits[:, 0] - logits[:, 1]
            # minus the log-probability of the right answer, of (softmax over) two logits
            losses = tf.nn.softplus(tf.concat([-ratio[:rows], ratio[rows:]], axis=0))
            loss = 0.5 * tf.reduce_sum(losses) / tf.cast(rows * num_replicas(), tf.float32)
        slopes, *gradients = tape.gradient(loss, [both, *weights])
        # one pass back through the network does for both learners: the loss has the slope of the
        # ratio times the derivative of softplus, by which it is divided
        share = -0.5 * tf.sigmoid(-ratio[:rows]) / tf.cast(rows * num_replicas(), tf.float32)
        slopes = slopes[:rows] / tf.minimum(share, -1e-30)[:, None]
        correlation = tf.stop_gradient(ratio[:rows]) + tf.reduce_sum(
            tf.stop_gradient(slopes) * (embedded - tf.stop_gradient(embedded)), axis=-1
        )
        return {
            "penalty": bounded_kl(codes) + self.gamma * correlation,
            "total_correlation": correlation,
            "discriminator_loss": 0.5 * (losses[:rows] + losses[rows:]),
            "discriminator_gradients": gradients,
        }

    @override
    def step(self, terms: dict[str, Any]) -> None:
        assert self.network is not None and self.optimizer is not None
        gradients = terms["discriminator_gradients"]
        self.optimizer.apply_gradients(
            zip(gradients, self.network.trainable_variables, strict=True)
        )

    @override
    def get_config(self) -> dict[str, float]:
        return {"gamma": self.gamma, "units": self.units, "layers": self.layers}


def discriminator(latent_dim: int, units: int = 1000, num_layers: int = 6) -> keras.Model:
    """Make the discriminator: embedded codes (batch, latent_dim) to two logits (batch, 2).

    Logit 0 is that of codes of images, logit 1 that of permuted ones.
    """
    model = keras.Sequential([keras.Input((latent_dim,), name="codes")], name="discriminator")
    for i in range(num_layers):
        model.add(layers.Dense(units, name=f"dense{i}"))
        model.add(layers.LeakyReLU(0.2, name=f"leaky_relu{i}"))
    model.add(layers.Dense(2, name="logits"))
    return model


def permute_factors(posterior: Posterior, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Permute each factor of the codes over the batch, independently of the others.

    Args:
        posterior: its latent space has the factors.
        z: points of the latent space, (batch, ambient_dim).
        seed: int32 of shape (2,), for stateless random numbers.

    Returns:
        Points of the same shape, approximately of the product of the factors' marginals.
    """
    sizes = [factor.ambient_dim for factor in posterior.manifold.factors]
    noise = tf.random.stateless_uniform((tf.shape(z)[0], len(sizes)), seed)
    # for each coordinate, the image that its factor's part is taken from
    source = tf.gather(tf.argsort(noise, axis=0), np.repeat(range(len(sizes)), sizes), axis=1)
    return tf.transpose(tf.gather(tf.transpose(z), tf.transpose(source), batch_dims=1))
