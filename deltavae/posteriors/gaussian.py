"""The flat baseline: a diagonal normal posterior and a standard normal prior on R^d."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from typing_extensions import override

from deltavae.manifolds import Euclidean
from deltavae.posteriors.base import Parameters, Posterior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("deltavae")
class GaussianPosterior(Posterior):
    """q(z|x) = N(mean(x), diag(sigma(x)^2)), p(z) = N(0, I): the usual VAE.

    With `BetaObjective` it is beta-VAE; `gin/baselines` has the other models of the standard
    study. Each latent variable is a factor of its own.

    Args:
        dim: number of latent variables.
    """

    def __init__(self, dim: int = 10, name: str = "posterior") -> None:
        super().__init__(name=name)
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
        return {"loc": self.loc_head(features), "log_sigma": self.log_scale_head(features)}

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
        return {"dim": self.latent_dim, "name": self.name}
