"""The law of Brownian motion on a manifold."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions.uniform import Uniform
from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold

tfd = tfp.distributions
MODES = ("exact", "random_walk", "algorithm1")
KL_FORMS = ("exact", "asymptotic")


class Diffusion(tfd.Distribution):
    """Brownian motion on a manifold, started at `loc` and run for `diffusion_time`.

    Args:
        manifold: the space M.
        loc: (..., ambient_dim), points of M.
        diffusion_time: t > 0, broadcast with loc's batch shape; or
        log_diffusion_time: log t, of which exactly one is given.
        mode: how samples are drawn: `exact`, `random_walk` or `algorithm1`
            (`Manifold.sample_heat`, `Manifold.sample_walk`).
        kl: the KL to `Uniform`: `exact` or `asymptotic`, equation (3).
        num_steps: L, of the walks.
    """

    def __init__(
        self,
        manifold: Manifold,
        loc: tf.Tensor,
        diffusion_time: tf.Tensor | None = None,
        *,
        log_diffusion_time: tf.Tensor | None = None,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
    ) -> None:
        parameters = dict(locals())
        if mode not in MODES:
            raise UserError("unknown mode", expected=" or ".join(MODES), received=repr(mode))
        if kl not in KL_FORMS:
            raise UserError("unknown KL", expected=" or ".join(KL_FORMS), received=repr(kl))
        if num_steps < 1:
            raise UserError("a walk of no steps", expected="num_steps >= 1", received=num_steps)
        if (diffusion_time is None) == (log_diffusion_time is None):
            raise UserError(
                "how long does the motion run?",
                expected="exactly one of diffusion_time and log_diffusion_time",
            )
        self.manifold = manifold
        self.mode, self.kl_form, self.num_steps = mode, kl, num_steps
        self.loc = tf.convert_to_tensor(loc)
        if log_diffusion_time is None:
            log_diffusion_time = tf.math.log(tf.convert_to_tensor(diffusion_time, self.loc.dtype))
        self.log_diffusion_time = tf.convert_to_tensor(log_diffusion_time, self.loc.dtype)
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfd.FULLY_REPARAMETERIZED,
            validate_args=False,
            allow_nan_stats=True,
            parameters=parameters,
            name="Diffusion",
        )

    def _batch_shape_tensor(self) -> tf.Tensor:
        return tf.broadcast_dynamic_shape(
            tf.shape(self.loc)[:-1], tf.shape(self.log_diffusion_time)
        )

    def _batch_shape(self) -> tf.TensorShape:
        return tf.broadcast_static_shape(self.loc.shape[:-1], self.log_diffusion_time.shape)

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _sample_n(self, n: Any, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        batch = tf.concat([[n], self._batch_shape_tensor()], axis=0)
        loc = tf.broadcast_to(self.loc, tf.concat([batch, [self.manifold.ambient_dim]], axis=0))
        log_t = tf.broadcast_to(self.log_diffusion_time, batch)
        if self.mode == "exact":
            return self.manifold.sample_heat(loc, log_t, seed)
        return self.manifold.sample_walk(loc, log_t, self.num_steps, seed, self.mode)


@tfd.RegisterKL(Diffusion, Uniform)
def _kl_diffusion_uniform(
    diffusion: Diffusion, uniform: Uniform, name: str | None = None
) -> tf.Tensor:
    del name
    same = type(diffusion.manifold) is type(uniform.manifold)
    if not same or diffusion.manifold.get_config() != uniform.manifold.get_config():
        raise UserError(
            "a KL between laws on different manifolds",
            expected=f"{type(diffusion.manifold).__name__}{diffusion.manifold.get_config()}",
            received=f"{type(uniform.manifold).__name__}{uniform.manifold.get_config()}",
        )
    log_t = tf.broadcast_to(diffusion.log_diffusion_time, diffusion.batch_shape_tensor())
    if diffusion.kl_form == "exact":
        return diffusion.manifold.kl_exact(log_t)
    return diffusion.manifold.kl_asymptotic(log_t)
