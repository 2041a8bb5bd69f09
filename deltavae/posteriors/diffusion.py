"""The diffusion posterior: Brownian motion from the encoder's point for a learned time."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions import Diffusion, Uniform
from deltavae.manifolds.base import Manifold
from deltavae.posteriors.base import Parameters, Posterior


@keras.saving.register_keras_serializable("deltavae")
class DiffusionPosterior(Posterior):
    """q(z|x): the law of Brownian motion on a closed manifold, started at loc(x), at time t(x).

    Pérez Rey, Menkovski, Portegies, Diffusion Variational Autoencoders (IJCAI 2020). The
    prior is uniform. One dense head gives a point of the ambient space, which is projected
    (on the sphere: x / |x|); a second gives log t, unconstrained, started where the KL is
    moderate.

    Args:
        manifold: the latent space.
        mode: how samples are drawn: `exact` (the heat kernel), `random_walk` (steps
            sqrt(t / num_steps) eps) or `algorithm1` (steps t eps, as printed; its samples
            carry far more information than the KL says).
        kl: `exact`, or `asymptotic` for the short-time formula, equation (3).
        num_steps: steps L of the walks; the exact mode has none.
    """

    def __init__(
        self,
        manifold: Manifold,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        name: str = "posterior",
    ) -> None:
        super().__init__(name=name)
        self.manifold = manifold
        self.mode = mode
        self.kl_form = kl
        self.num_steps = num_steps
        self.latent_dim = manifold.embedding_dim
        self.code_dim = manifold.embedding_dim
        self.loc_head = keras.layers.Dense(manifold.ambient_dim, name="loc")
        self.log_time_head = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),
            bias_initializer=keras.initializers.Constant(manifold.log_time_start),
            name="log_diffusion_time",
        )
        # an impossible mode or form is refused here, not at the first step
        self.law({"loc": manifold.random_uniform([1], seed=(0, 0)), "log_time": tf.zeros([1])})

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the two heads for features of that shape."""
        self.loc_head.build(input_shape)
        self.log_time_head.build(input_shape)

    def call(self, features: tf.Tensor) -> Parameters:
        """Features (batch, f) to `loc` (batch, ambient_dim) and `log_time` (batch,)."""
        loc = self.manifold.project(self.loc_head(features))
        return {"loc": loc, "log_time": self.log_time_head(features)[:, 0]}

    def law(self, parameters: Parameters) -> tfp.distributions.Distribution:
        """The diffusion law with those parameters."""
        return Diffusion(
            self.manifold,
            parameters["loc"],
            log_diffusion_time=parameters["log_time"],
            mode=self.mode,
            kl=self.kl_form,
            num_steps=self.num_steps,
        )

    def prior(self) -> tfp.distributions.Distribution:
        """The uniform law."""
        return Uniform(self.manifold)

    def restoring(self, parameters: Parameters) -> tf.Tensor:
        """relu(log t - log t_max): beyond, the KL is flat or, by equation (3), rises again."""
        is_exact = self.kl_form == "exact"
        limit = self.manifold.log_time_max if is_exact else self.manifold.log_time_floor
        return tf.nn.relu(parameters["log_time"] - limit)

    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        """Log t."""
        return parameters["log_time"]

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "manifold": keras.saving.serialize_keras_object(self.manifold),
            "mode": self.mode,
            "kl": self.kl_form,
            "num_steps": self.num_steps,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "DiffusionPosterior":
        """Rebuild from `get_config`."""
        config["manifold"] = keras.saving.deserialize_keras_object(config["manifold"])
        return cls(**config)
