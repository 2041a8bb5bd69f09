"""Keras layers of the latent space: projection to a manifold, sampling of the posterior."""

from typing import Any

import keras
import tensorflow as tf

from deltavae.distributions import Diffusion, Uniform
from deltavae.manifolds import Manifold


class _OnManifold(keras.layers.Layer):
    """A layer whose configuration holds a manifold."""

    def __init__(self, manifold: Manifold, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.manifold = manifold

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        manifold = keras.saving.serialize_keras_object(self.manifold)
        return super().get_config() | {"manifold": manifold}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "_OnManifold":
        """Rebuild from `get_config`."""
        manifold = keras.saving.deserialize_keras_object(config["manifold"])
        return cls(**(config | {"manifold": manifold}))


@keras.saving.register_keras_serializable("deltavae")
class ProjectToManifold(_OnManifold):
    """The nearest point of the manifold: (..., ambient_dim) to the same shape."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Project."""
        return self.manifold.project(inputs)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's shape."""
        return input_shape


@keras.saving.register_keras_serializable("deltavae")
class DiffusionSampling(_OnManifold):
    """Samples Brownian motion from given points and times, and adds its KL to the losses.

    Args:
        manifold: the latent space.
        mode: `exact`, `random_walk` or `algorithm1`; see `distributions.Diffusion`.
        kl: `exact` or `asymptotic`.
        num_steps: of the walks.
        kl_weight: factor of the batch's mean KL among the layer's losses; 0 adds none.
        seed: of the layer's own generator.

    Call arguments:
        inputs: loc (batch, ambient_dim) on the manifold, and log_diffusion_time (batch,).
        training: if false, loc itself is returned.
    """

    def __init__(
        self,
        manifold: Manifold,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        kl_weight: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(manifold, **kwargs)
        self.mode, self.kl_form, self.num_steps = mode, kl, num_steps
        self.kl_weight, self.seed = kl_weight, seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self._law(manifold.random_uniform([1], seed=(0, 0)), tf.zeros([1]))

    def _law(self, loc: tf.Tensor, log_time: tf.Tensor) -> Diffusion:
        return Diffusion(
            self.manifold,
            loc,
            log_diffusion_time=log_time,
            mode=self.mode,
            kl=self.kl_form,
            num_steps=self.num_steps,
        )

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        """(loc, log t) to one point per row."""
        loc, log_time = inputs
        law = self._law(loc, log_time)
        if self.kl_weight:
            kl = law.kl_divergence(Uniform(self.manifold, law.dtype))
            self.add_loss(self.kl_weight * tf.reduce_mean(kl))
        if not training:
            return loc
        seed = tf.cast(self.seed_generator.next(), tf.int32)
        return law.sample(seed=seed)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """The shape of loc."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {
            "mode": self.mode,
            "kl": self.kl_form,
            "num_steps": self.num_steps,
            "kl_weight": self.kl_weight,
            "seed": self.seed,
        }
