"""The uniform distribution on a closed manifold."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold


class Uniform(tfp.distributions.Distribution):
    """The distribution of constant density 1 / Vol; batch shape (), event a point.

    Args:
        manifold: a closed manifold.
        dtype: of the samples.
    """

    def __init__(
        self,
        manifold: Manifold,
        dtype: tf.DType = tf.float32,
        validate_args: bool = False,
        name: str = "Uniform",
    ) -> None:
        parameters = dict(locals())
        if not manifold.is_compact:
            raise UserError(
                "there is no uniform distribution here",
                expected="a closed manifold",
                received=manifold,
            )
        self.manifold = manifold
        super().__init__(
            dtype=tf.as_dtype(dtype),
            reparameterization_type=tfp.distributions.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        return {}

    def _batch_shape(self) -> tf.TensorShape:
        return tf.TensorShape([])

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.zeros([0], tf.int32)

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        return self.manifold.random_uniform([n], seed, self.dtype)

    def _log_prob(self, value: tf.Tensor) -> tf.Tensor:
        return tf.fill(tf.shape(value)[:-1], tf.constant(-self.manifold.log_volume, self.dtype))

    def _entropy(self) -> tf.Tensor:
        return tf.constant(self.manifold.log_volume, self.dtype)
