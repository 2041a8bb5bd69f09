"""The diffusion posterior: Brownian motion from the encoder's point for a learned time."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp
from typing_extensions import override

from deltavae.distributions import Diffusion, Uniform
from deltavae.manifolds.base import Manifold
from deltavae.posteriors.base import BARRIER_NATS, Parameters, Posterior, start_nats
from deltavae.posteriors.sampling import DiffusionSampling


@keras.saving.register_keras_serializable("deltavae")
class DiffusionPosterior(Posterior):
    """q(z|x): Brownian motion on a closed manifold, started at loc(x), at time t(x).

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
        times: `shared`, one t for the whole space, or `per_factor`, one t for each factor of a
            product, so that a factor can be narrow while another is wide or left unused.
    """

    def __init__(
        self,
        manifold: Manifold,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        times: str = "shared",
        name: str = "posterior",
    ) -> None:
        super().__init__(name=name)
        self.sampling = DiffusionSampling(
            manifold, mode, kl, num_steps, times, kl_weight=0.0, name="sampling"
        )
        self.manifold = manifold
        self.limits = self._log_time_limits()
        self.loc_head = keras.layers.Dense(manifold.ambient_dim, name="loc")
        self.log_time_head = keras.layers.Dense(
            self.sampling.num_times,
            kernel_initializer=keras.initializers.RandomNormal(stddev=1e-3),
            bias_initializer=keras.initializers.Constant(self._first_log_time()),
            name="log_diffusion_time",
        )

    def _first_log_time(self) -> float:
        """Where the KL is moderate, and not beyond where equation (3) would rise again."""
        moderate = self.manifold.log_time_at(start_nats(self.manifold.dim))
        return min(moderate, *self.limits) if self.sampling.kl_form == "asymptotic" else moderate

    def _log_time_limits(self) -> list[float]:
        """Log times beyond which the KL is flat or, by equation (3), rises again."""
        shared = self.sampling.times == "shared"
        parts = [self.manifold] if shared else self.manifold.factors
        if self.sampling.kl_form == "asymptotic":
            return [part.log_time_floor for part in parts]
        limits = {part: part.log_time_at(BARRIER_NATS / len(parts)) for part in set(parts)}
        return [limits[part] for part in parts]

    @override
    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.loc_head.build(input_shape)
        self.log_time_head.build(input_shape)

    @override
    def call(self, features: tf.Tensor) -> Parameters:
        # `loc` (batch, ambient_dim) and `log_time` (batch, 1 or num_factors)
        loc = self.manifold.project(self.loc_head(features))
        return {"loc": loc, "log_time": self.log_time_head(features)}

    @override
    def distribution(self, parameters: Parameters) -> Diffusion:
        return self.sampling.distribution(parameters["loc"], parameters["log_time"])

    @override
    def prior(self) -> tfp.distributions.Distribution:
        return Uniform(self.manifold)

    @override
    def kl_per_factor(self, parameters: Parameters) -> tf.Tensor:
        return self.distribution(parameters).kl_per_factor()

    @property
    @override
    def kl_floor(self) -> float:
        if self.sampling.kl_form == "exact":
            return 0.0
        parts = [self.manifold] if self.sampling.times == "shared" else self.manifold.factors
        with tf.init_scope():
            times = [tf.constant(limit, tf.float64) for limit in self.limits]
            each = [part.kl_asymptotic(t) for part, t in zip(parts, times, strict=True)]
        return sum(map(float, each))

    @property
    @override
    def has_density(self) -> bool:
        return self.sampling.mode == "exact"

    @override
    def log_prob_per_factor(self, parameters: Parameters, z: tf.Tensor) -> tf.Tensor:
        return self.distribution(parameters).log_prob_per_factor(z)

    @override
    def information(self, parameters: Parameters) -> tf.Tensor:
        log_time = parameters["log_time"]
        if self.sampling.mode == "algorithm1":  # steps t eps: L of them take the time L t^2
            log_time = math.log(self.sampling.num_steps) + 2 * log_time
        if not self.manifold.has_exact_kernel:
            return self.kl(parameters)
        exact = Diffusion(
            self.manifold,
            parameters["loc"],
            log_diffusion_time=log_time if self.sampling.times == "per_factor" else log_time[:, 0],
            times=self.sampling.times,
        )
        return exact.kl_divergence(self.prior())

    @override
    def barrier(self, parameters: Parameters) -> tf.Tensor:
        beyond = [limit if math.isfinite(limit) else 1e30 for limit in self.limits]
        return tf.reduce_sum(tf.nn.relu(parameters["log_time"] - beyond), axis=-1)

    @override
    def log_scale(self, parameters: Parameters) -> tf.Tensor:
        return tf.reduce_mean(parameters["log_time"], axis=-1)

    @override
    def get_config(self) -> dict[str, Any]:
        return {
            "manifold": keras.saving.serialize_keras_object(self.manifold),
            "mode": self.sampling.mode,
            "kl": self.sampling.kl_form,
            "num_steps": self.sampling.num_steps,
            "times": self.sampling.times,
            "name": self.name,
        }

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> "DiffusionPosterior":
        config["manifold"] = keras.saving.deserialize_keras_object(config["manifold"])
        return cls(**config)
