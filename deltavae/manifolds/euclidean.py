"""The flat space R^d, for the Gaussian baseline: no uniform law, no diffusion posterior."""

from typing import Any, NoReturn

import keras
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold


@keras.saving.register_keras_serializable("deltavae")
class Euclidean(Manifold):
    """R^d.

    Args:
        dim: d >= 1.
    """

    is_compact = False

    def __init__(self, dim: int) -> None:
        if dim < 1:
            raise UserError("the space has no dimension", expected="dim >= 1", received=dim)
        self.dim = self.ambient_dim = self.embedding_dim = dim

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """Every vector is a point."""
        return x

    def to_tangent(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """Every vector is tangent."""
        del point
        return v

    def exp(self, point: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """A straight line."""
        return point + v

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """The difference."""
        return other - point

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """The norm of the difference."""
        return tf.norm(a - b, axis=-1)

    def random_uniform(
        self, shape: list[int], seed: Any, dtype: tf.DType = tf.float32
    ) -> NoReturn:
        """There is no uniform law on R^d."""
        raise self._not_compact()

    def kl_exact(self, log_t: tf.Tensor) -> NoReturn:
        """There is no uniform law on R^d."""
        raise self._not_compact()

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Any) -> tf.Tensor:
        """Brownian motion is normal with variance t."""
        noise = tf.random.stateless_normal(tf.shape(loc), seed, dtype=loc.dtype)
        return loc + tf.exp(0.5 * log_t)[..., None] * noise

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"dim": self.dim}

    def _not_compact(self) -> UserError:
        return UserError(
            "R^d has no uniform law",
            expected="a compact manifold",
            received=f"Euclidean({self.dim})",
            advice="Take GaussianPosterior for a flat latent space.",
        )
