"""The uniform law on a closed manifold."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold

tfd = tfp.distributions


class Uniform(tfd.Distribution):
    """The law proportional to the volume: density 1 / Vol everywhere.

    Args:
        manifold: a compact manifold.
        dtype: of samples.
    """

    def __init__(self, manifold: Manifold, dtype: tf.DType = tf.float32) -> None:
        parameters = dict(locals())
        if not manifold.is_compact:
            raise UserError(
                "no uniform law", expected="a compact manifold", received=type(manifold).__name__
            )
        self.manifold = manifold
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfd.NOT_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name="Uniform",
        )

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.constant([], tf.int32)

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        return self.manifold.random_uniform([n], seed, self.dtype)

    def _log_prob(self, value: tf.Tensor) -> tf.Tensor:
        return tf.zeros(tf.shape(value)[:-1], self.dtype) - self.manifold.log_volume

    def _entropy(self) -> tf.Tensor:
        return tf.constant(self.manifold.log_volume, self.dtype)
