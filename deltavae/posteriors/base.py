"""What every posterior is: features to parameters, parameters to a distribution on a space."""

from __future__ import annotations

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.manifolds.base import Manifold

Parameters = dict[str, tf.Tensor]

# The exact KL to a uniform prior is flat where it is small: there nothing pulls a posterior
# back, and a barrier penalty does instead.
BARRIER_NATS = 0.1


def start_nats(dim: int) -> float:
    """KL from which training starts on a closed space of that dimension.

    It is moderate: 6 nats, and 2 where dim <= 2, in which 6 are a sharp posterior already.
    """
    return 6.0 if dim > 2 else 2.0


class Posterior(keras.layers.Layer):
    """Maps an encoder's features to the parameters of a distribution q(z|x).

    Tensors cross the Keras boundary, distributions are made inside the methods. Subclasses set
    the attributes and write the methods below; DeltaVAE, the export and the scores use nothing
    else.

    Attributes:
        manifold: the latent space. Its `factors` are those of `kl_per_factor`.
    """

    manifold: Manifold

    @property
    def latent_dim(self) -> int:
        """Size of what the decoder takes."""
        return self.manifold.embedding_dim

    @property
    def code_dim(self) -> int:
        """Size of the `embedding` readout."""
        return self.manifold.embedding_dim

    def distribution(self, parameters: Parameters) -> tfp.distributions.Distribution:
        """Make q(z|x): batch shape (batch,), event a point of the manifold."""
        raise NotImplementedError

    def prior(self) -> tfp.distributions.Distribution:
        """Make p(z), of the same event shape."""
        raise NotImplementedError

    def sample(self, parameters: Parameters, seed: tf.Tensor) -> tf.Tensor:
        """Draw one point z of q per image, (batch, ambient_dim), with pathwise gradients.

        Args:
            parameters: what `call` returned.
            seed: int32 of shape (2,), for stateless random numbers.
        """
        return self.distribution(parameters).sample(seed=seed)

    def kl_per_factor(self, parameters: Parameters) -> tf.Tensor:
        """KL(q || p) per image and factor of the latent space, (batch, num_factors), in nats."""
        kl = tfp.distributions.kl_divergence(self.distribution(parameters), self.prior())
        return kl[..., None]

    @property
    def has_density(self) -> bool:
        """Whether the density of what `sample` draws is known."""
        return True

    @property
    def has_xla(self) -> bool:
        """Whether XLA can compile what `sample` does; it cannot draw from gamma distributions."""
        return True

    def log_prob_per_factor(self, parameters: Parameters, z: tf.Tensor) -> tf.Tensor:
        """Log density of q at each factor's part of points z, in nats.

        Args:
            parameters: what `call` returned.
            z: points, (..., batch, ambient_dim), broadcasting against the batch.

        Returns:
            (..., batch, num_factors); the sum over the factors is the log density of q.
        """
        return self.distribution(parameters).log_prob(z)[..., None]

    def kl(self, parameters: Parameters) -> tf.Tensor:
        """KL(q || p) per image, (batch,), in nats: the sum over the factors."""
        return tf.reduce_sum(self.kl_per_factor(parameters), axis=-1)

    @property
    def kl_floor(self) -> float:
        """The least that `kl` can be, in nats; minus infinity for equation (3) on a flat space."""
        return 0.0

    def information(self, parameters: Parameters) -> tf.Tensor:
        """KL to the prior of what samples are really drawn from, per image, (batch,), in nats.

        It differs from `kl` where samples or KL are approximations of the diffusion.
        """
        return self.kl(parameters)

    def barrier(self, parameters: Parameters) -> tf.Tensor:
        """How far, per image, the log scale lies beyond where the KL is flat; (batch,), >= 0.

        With a scale per factor it is the sum over the factors.
        """
        return tf.zeros_like(self.log_scale(parameters))

    def embed(self, z: tf.Tensor) -> tf.Tensor:
        """Give the decoder's input for points z: (batch, latent_dim)."""
        return self.manifold.embed(z)

    def code(self, parameters: Parameters) -> tf.Tensor:
        """Give the deterministic representation before any readout: (batch, code_dim)."""
        return self.embed(parameters["loc"])

    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        """One number per image that says how wide q is, for the logs; (batch,)."""
        raise NotImplementedError
