"""The flat baseline: a diagonal normal posterior and a standard normal prior on R^d."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.manifolds import Euclidean
from deltavae.posteriors.base import Parameters, Posterior

tfd = tfp.distributions


@keras.saving.register_keras_serializable("deltavae")
class GaussianPosterior(Posterior):
    """q(z|x) = N(mean(x), diag(sigma(x)^2)), p(z) = N(0, I): the usual VAE.

    With CapacityObjective it is AnnealedVAE (Burgess et al., arXiv 1804.03599), with
    BetaObjective beta-VAE.

    Args:
        dim: number of latent variables.
    """

    def __init__(self, dim: int = 10, name: str = "posterior") -> None:
        super().__init__(name=name)
        self.manifold = Euclidean(dim)
        self.latent_dim = self.code_dim = dim
        self.loc_head = keras.layers.Dense(dim, name="mean")
        self.log_scale_head = keras.layers.Dense(dim, name="log_scale")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two heads for features of that shape."""
        self.loc_head.build(input_shape)
        self.log_scale_head.build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Features (batch, f) to `loc` and `log_sigma`, both (batch, dim)."""
        return {"loc": self.loc_head(features), "log_sigma": self.log_scale_head(features)}

    def law(self, parameters: Parameters) -> tfp.distributions.Distribution:
        """The normal law with those parameters."""
        return tfd.MultivariateNormalDiag(parameters["loc"], tf.exp(parameters["log_sigma"]))

    def prior(self) -> tfp.distributions.Distribution:
        """The standard normal law."""
        return tfd.MultivariateNormalDiag(tf.zeros(self.latent_dim), tf.ones(self.latent_dim))

    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        """Log sigma, averaged over the latent variables."""
        return tf.reduce_mean(parameters["log_sigma"], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.latent_dim, "name": self.name}
