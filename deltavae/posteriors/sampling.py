"""The diffusion as a Keras layer: from a point and a log time to a sample."""

from typing import Any

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.distributions import Diffusion, Uniform
from deltavae.errors import UserError
from deltavae.manifolds import Manifold


@keras.saving.register_keras_serializable("deltavae")
class DiffusionSampling(keras.layers.Layer):
    """Samples Brownian motion around projected points, and adds its KL to the losses.

        loc = keras.layers.Dense(manifold.ambient_dim)(features)
        log_t = keras.layers.Dense(1)(features)
        z = DiffusionSampling(manifold)([loc, log_t])

    Args:
        manifold: the latent space.
        mode: `exact`, `random_walk` or `algorithm1`; see `distributions.Diffusion`.
        kl: `exact` or `asymptotic`.
        num_steps: of the walks.
        times: `shared` for one log time per row, (batch, 1); `per_factor` for one per factor of
            the manifold, (batch, num_factors).
        kl_weight: factor of the batch's mean KL among the layer's losses; 0 adds none.
        seed: of the layer's own generator.

    Call arguments:
        inputs: any vectors (batch, ambient_dim), which are projected to the manifold, and
            log diffusion times.
        training: if false, the projected vectors are returned.

    Raises:
        UserError: an unknown mode, form or `times`, or a mode that the manifold lacks.
    """

    def __init__(
        self,
        manifold: Manifold,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        times: str = "shared",
        kl_weight: float = 1.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(manifold, Manifold):
            raise UserError(
                "a diffusion needs a latent space",
                expected="a manifold, such as Hypersphere(10)",
                received=repr(manifold),
                advice="In gin, write @Hypersphere() with its brackets.",
            )
        self.manifold, self.mode, self.kl_form, self.num_steps = manifold, mode, kl, num_steps
        self.times, self.kl_weight, self.seed = times, kl_weight, seed
        # an impossible mode or form is refused here, not at the first step
        self.distribution(tf.zeros([1, manifold.ambient_dim]), tf.zeros([1, self.num_times]))

    @property
    def num_times(self) -> int:
        """How many diffusion times a row has."""
        return 1 if self.times == "shared" else self.manifold.num_factors

    def distribution(self, loc: tf.Tensor, log_time: tf.Tensor) -> Diffusion:
        """The diffusion from points of the manifold, with log times (batch, num_times)."""
        return Diffusion(
            self.manifold,
            loc,
            log_diffusion_time=log_time[..., 0] if self.times == "shared" else log_time,
            times=self.times,
            mode=self.mode,
            kl=self.kl_form,
            num_steps=self.num_steps,
        )

    @override
    def build(self, input_shape: Any) -> None:
        self.seed_generator = keras.random.SeedGenerator(self.seed)

    @override
    def call(self, inputs: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        loc = self.manifold.project(inputs[0])
        distribution = self.distribution(loc, inputs[1])
        if self.kl_weight:
            kl = distribution.kl_divergence(Uniform(self.manifold, distribution.dtype))
            self.add_loss(self.kl_weight * tf.reduce_mean(kl))
        if not training:
            return loc
        return distribution.sample(seed=tf.cast(self.seed_generator.next(), tf.int32))

    @override
    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return tuple(input_shape[0])

    @override
    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "manifold": keras.saving.serialize_keras_object(self.manifold),
            "mode": self.mode,
            "kl": self.kl_form,
            "num_steps": self.num_steps,
            "times": self.times,
            "kl_weight": self.kl_weight,
            "seed": self.seed,
        }

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "DiffusionSampling":
        manifold = keras.saving.deserialize_keras_object(config["manifold"])
        return cls(**(config | {"manifold": manifold}))
