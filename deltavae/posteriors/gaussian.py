"""The flat baseline: a diagonal normal posterior and a standard normal prior on R^d."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from typing_extensions import override

from deltavae.errors import unknown_name
from deltavae.manifolds import Euclidean
from deltavae.posteriors.base import Parameters, Posterior

tfd = tfp.distributions
HEADS = ("log_sigma", "log_variance")


@keras.saving.register_keras_serializable("deltavae")
class GaussianPosterior(Posterior):
    """q(z|x) = N(mean(x), diag(sigma(x)^2)), p(z) = N(0, I): the usual VAE.

    With `BetaObjective` it is beta-VAE; `gin/baselines` has the other models of the standard
    study. Each latent variable is a factor of its own.

    Args:
        dim: number of latent variables.
        head: what the second dense head gives, `log_sigma` or `log_variance` (2 log sigma). The
            distributions are the same, but an optimiser such as Adam, whose steps do not depend
            on the scale of a gradient, moves sigma half as fast under the second, with which
            the field's standard study was trained.
    """

    def __init__(self, dim: int = 10, head: str = "log_sigma", name: str = "posterior") -> None:
        super().__init__(name=name)
        if head not in HEADS:
            raise unknown_name("unknown GaussianPosterior.head", head, HEADS)
        self.head = head
        self.manifold = Euclidean(dim)
        self.loc_head = keras.layers.Dense(dim, name="mean")
        self.log_scale_head = keras.layers.Dense(dim, name="log_scale")

    @override
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.loc_head.build(input_shape)
        self.log_scale_head.build(input_shape)

    @override
    def call(self, features: tf.Tensor) -> Parameters:
        # `loc` and `log_sigma`, both (batch, dim)
        log_scale = self.log_scale_head(features)
        log_sigma = log_scale if self.head == "log_sigma" else 0.5 * log_scale
        return {"loc": self.loc_head(features), "log_sigma": log_sigma}

    @override
    def distribution(self, parameters: Parameters) -> tfp.distributions.Distribution:
        return tfd.MultivariateNormalDiag(parameters["loc"], tf.exp(parameters["log_sigma"]))

    @override
    def prior(self) -> tfp.distributions.Distribution:
        return tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))

    @override
    def kl_per_factor(self, parameters: Parameters) -> tf.Tensor:
        each = tfd.Normal(parameters["loc"], tf.exp(parameters["log_sigma"]))
        return each.kl_divergence(tfd.Normal(0.0, 1.0))

    @override
    def log_prob_per_factor(self, parameters: Parameters, z: tf.Tensor) -> tf.Tensor:
        return tfd.Normal(parameters["loc"], tf.exp(parameters["log_sigma"])).log_prob(z)

    @override
    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        return tf.reduce_mean(parameters["log_sigma"], axis=-1)

    @override
    def get_config(self) -> dict[str, Any]:
        return {"dim": self.latent_dim, "head": self.head, "name": self.name}
