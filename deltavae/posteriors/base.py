"""What every posterior is: features to parameters, parameters to a law on a space."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.manifolds.base import Manifold

Parameters = dict[str, tf.Tensor]


class Posterior(keras.layers.Layer):
    """Maps an encoder's features to the parameters of a law q(z|x).

    Tensors cross the Keras boundary, laws are built inside the methods. Subclasses set the
    attributes and write the methods below; DeltaVAE, the export and the scores use nothing
    else.

    Attributes:
        latent_dim: size of what the decoder takes.
        code_dim: size of the `embedding` readout.
        manifold: the latent space.
    """

    latent_dim: int
    code_dim: int
    manifold: Manifold

    def law(self, parameters: Parameters) -> tfp.distributions.Distribution:
        """q(z|x): batch shape (batch,), event a point of the manifold."""
        raise NotImplementedError

    def prior(self) -> tfp.distributions.Distribution:
        """p(z), of the same event shape."""
        raise NotImplementedError

    def sample(self, parameters: Parameters, seed: tf.Tensor) -> tf.Tensor:
        """One point z of q per image, (batch, ambient_dim), with pathwise gradients.

        Args:
            parameters: what `call` returned.
            seed: int32 of shape (2,), for stateless random numbers.
        """
        return self.law(parameters).sample(seed=seed)

    def kl(self, parameters: Parameters) -> tf.Tensor:
        """KL(q || p) per image, (batch,), in nats."""
        return tfp.distributions.kl_divergence(self.law(parameters), self.prior())

    def restoring(self, parameters: Parameters) -> tf.Tensor:
        """How far, per image, the log scale lies beyond where the KL goes flat; >= 0."""
        return tf.zeros_like(self.log_scale(parameters))

    def embed(self, z: tf.Tensor) -> tf.Tensor:
        """The decoder's input for points z: (batch, latent_dim)."""
        return self.manifold.embed(z)

    def code(self, parameters: Parameters) -> tf.Tensor:
        """The deterministic representation before any readout: (batch, code_dim)."""
        return self.embed(parameters["loc"])

    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        """One number per image that says how wide q is, for the logs; (batch,)."""
        raise NotImplementedError
