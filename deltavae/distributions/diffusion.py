"""The law of Brownian motion on a manifold."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions.uniform import Uniform
from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold
from deltavae.manifolds.numerics import epsilon

MODES = ("exact", "random_walk", "algorithm1")
KL_FORMS = ("exact", "asymptotic")


class Diffusion(tfp.distributions.Distribution):
    """Brownian motion on a manifold from ``loc``, seen after ``diffusion_time``.

    The density is the heat kernel p_t(loc, z) with respect to the surface measure, generator
    half the Laplacian: for small t like a normal law of variance t per tangent direction, for
    large t uniform. The posterior of the diffusion VAE (arXiv 1901.08991).

        law = Diffusion(Hypersphere(10), loc, diffusion_time=0.02)   # loc (32, 11)
        z = law.sample(seed=(0, 1))                                  # (32, 11)
        law.log_prob(z)                                              # (32,)
        tfp.distributions.kl_divergence(law, Uniform(Hypersphere(10)))  # (32,), nats

    Args:
        manifold: the space.
        loc: starting points, (..., ambient_dim), on the manifold.
        diffusion_time: t > 0, broadcasting against loc's leading axes. t -> 0 is the point
            mass at loc, t -> inf the uniform law.
        log_diffusion_time: log t instead, finite for every finite value.
        mode: how samples are drawn. `exact`: the heat kernel, at once. `random_walk`:
            num_steps projected steps sqrt(t / num_steps) eps. `algorithm1`: steps t eps, as
            published; a walk of total time about num_steps t^2.
        kl: `exact`, or `asymptotic` for the short-time formula (3).
        num_steps: of the walks.
        validate_args: check that loc is on the manifold and the time not negative.

    Raises:
        UserError: an unknown mode or form, a loc of the wrong size, one time too many or few;
            with validate_args, a loc off the manifold or a negative time.
    """

    def __init__(
        self,
        manifold: Manifold,
        loc: tf.Tensor,
        diffusion_time: tf.Tensor | float | None = None,
        *,
        log_diffusion_time: tf.Tensor | float | None = None,
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        validate_args: bool = False,
        name: str = "Diffusion",
    ) -> None:
        parameters = dict(locals())
        _check_choice("sampling mode", mode, MODES)
        _check_choice("form of the KL", kl, KL_FORMS)
        if (diffusion_time is None) == (log_diffusion_time is None):
            raise UserError(
                "The diffusion time is not determined",
                expected="one of diffusion_time and log_diffusion_time",
                received="none" if diffusion_time is None else "both",
            )
        if not isinstance(num_steps, int) or num_steps < 1:
            raise UserError("A walk needs steps", expected="num_steps >= 1", received=num_steps)
        if mode == "exact" and not manifold.has_exact_kernel:
            raise UserError(
                "The heat kernel is not known here",
                expected='mode "random_walk" or "algorithm1"',
                received=f'mode "exact" on {manifold!r}',
            )
        dtype = tf.convert_to_tensor(loc).dtype
        self.manifold, self.mode, self.kl_form, self.num_steps = manifold, mode, kl, num_steps
        self.loc = tf.convert_to_tensor(loc, dtype)
        if self.loc.shape[-1] != manifold.ambient_dim:
            raise UserError(
                f"loc is no point of {manifold!r}",
                expected=f"last axis of {manifold.ambient_dim}",
                received=self.loc.shape,
            )
        if log_diffusion_time is None:
            time = tf.convert_to_tensor(diffusion_time, dtype)
            if validate_args:
                _check_time(time)
            log_diffusion_time = tf.math.log(time)
        self.log_diffusion_time = tf.convert_to_tensor(log_diffusion_time, dtype)
        if validate_args:
            _check_on_manifold(manifold, self.loc)
        super().__init__(
            dtype=dtype,
            reparameterization_type=tfp.distributions.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=True,
            parameters=parameters,
            name=name,
        )

    @property
    def diffusion_time(self) -> tf.Tensor:
        """The time t."""
        return tf.exp(self.log_diffusion_time)

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        properties = tfp.util.ParameterProperties
        return {
            "loc": properties(event_ndims=1),
            "diffusion_time": properties(),
            "log_diffusion_time": properties(),
        }

    def _batch_shape(self) -> tf.TensorShape:
        return tf.broadcast_static_shape(self.loc.shape[:-1], self.log_diffusion_time.shape)

    def _batch_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.broadcast_dynamic_shape(
            tf.shape(self.loc)[:-1], tf.shape(self.log_diffusion_time)
        )

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        shape = tf.concat([[n], self._batch_shape_tensor(), self._event_shape_tensor()], 0)
        loc = tf.broadcast_to(self.loc, shape)
        if self.mode == "exact":
            return self.manifold.sample_heat(loc, self.log_diffusion_time, seed)
        return self.manifold.sample_walk(
            loc, self.log_diffusion_time, self.num_steps, seed, step=self.mode
        )

    def _log_prob(self, value: tf.Tensor) -> tf.Tensor:
        return self.manifold.log_heat_kernel(self.loc, value, self.log_diffusion_time)

    def mean_cosine(self) -> tf.Tensor:
        """E cos(angle to loc), where the manifold has one (spheres): exp(-d t / 2)."""
        cosine = self.manifold.mean_cosine(self.log_diffusion_time)  # type: ignore[attr-defined]
        return tf.broadcast_to(cosine, self.batch_shape_tensor())


@tfp.distributions.RegisterKL(Diffusion, Uniform)
def _kl_diffusion_uniform(a: Diffusion, b: Uniform, name: str | None = None) -> tf.Tensor:
    if a.manifold != b.manifold:
        raise UserError(
            "No KL between laws on different manifolds",
            expected=a.manifold,
            received=b.manifold,
        )
    log_t = tf.broadcast_to(a.log_diffusion_time, a.batch_shape_tensor())
    return a.manifold.kl_exact(log_t) if a.kl_form == "exact" else a.manifold.kl_asymptotic(log_t)


def _check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UserError(
            f"No such {what}", expected=f"one of {', '.join(choices)}", received=repr(value)
        )


def _check_time(time: tf.Tensor) -> None:
    if tf.executing_eagerly() and bool(tf.reduce_any(time < 0)):
        raise UserError(
            "The diffusion time is negative",
            expected="t >= 0",
            received=float(tf.reduce_min(time)),
        )


def _check_on_manifold(manifold: Manifold, loc: tf.Tensor) -> None:
    if not tf.executing_eagerly():
        return
    distance = float(tf.reduce_max(tf.abs(manifold.project(loc) - loc)))
    if distance > 100 * epsilon(loc.dtype) ** 0.75:
        raise UserError(
            "loc is not on the manifold",
            expected=f"points of {manifold!r}",
            received=f"a point {distance:.2g} away from it",
            advice="Project it first: manifold.project(loc).",
        )
