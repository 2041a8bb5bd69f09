"""The distribution of Brownian motion on a manifold."""

from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions.uniform import Uniform
from deltavae.errors import UserError, unknown_name
from deltavae.manifolds.base import Manifold
from deltavae.manifolds.numerics import epsilon

MODES = ("exact", "random_walk", "algorithm1")
KL_FORMS = ("exact", "asymptotic")
TIMES = ("shared", "per_factor")


class Diffusion(tfp.distributions.Distribution):
    """Brownian motion on a manifold from ``loc``, seen after ``diffusion_time``.

    The density is the heat kernel p_t(loc, z) with respect to the surface measure, generator
    half the Laplacian: for small t like a normal distribution of variance t per tangent
    direction, for large t uniform. The posterior of the diffusion VAE (arXiv 1901.08991).

        q = Diffusion(Hypersphere(10), loc, diffusion_time=0.02)     # loc (32, 11)
        z = q.sample(seed=(0, 1))                                    # (32, 11)
        q.log_prob(z)                                                # (32,)
        tfp.distributions.kl_divergence(q, Uniform(Hypersphere(10))) # (32,), nats

    Args:
        manifold: the space.
        loc: starting points, (..., ambient_dim), on the manifold.
        diffusion_time: t > 0, broadcasting against loc's leading axes. t -> 0 is the point
            mass at loc, t -> inf the uniform distribution.
        log_diffusion_time: log t instead, finite for every finite value.
        times: `shared`, one t for the whole space, or `per_factor`, where t has a last axis
            (..., manifold.num_factors): on a product each factor diffuses for its own time.
        mode: how samples are drawn. `exact`: the heat kernel, at once. `random_walk`:
            num_steps projected steps sqrt(t / num_steps) eps. `algorithm1`: steps t eps, as
            published; a walk of total time about num_steps t^2.
        kl: `exact`, or `asymptotic` for the short-time formula (3).
        num_steps: of the walks.
        validate_args: check that loc is on the manifold and the time not negative.

    A NaN in loc or t comes out as NaN wherever it enters; the KL depends on t only.

    Raises:
        UserError: an unknown mode, form or `times`, a mode or form that needs the heat kernel
            where it is not known, a loc or a t of the wrong size, one time too many or few; with
            validate_args, a loc off the manifold or a negative time.
    """

    def __init__(
        self,
        manifold: Manifold,
        loc: tf.Tensor,
        diffusion_time: tf.Tensor | float | None = None,
        *,
        log_diffusion_time: tf.Tensor | float | None = None,
        times: str = "shared",
        mode: str = "exact",
        kl: str = "exact",
        num_steps: int = 5,
        validate_args: bool = False,
        name: str = "Diffusion",
    ) -> None:
        parameters = dict(locals())
        check_choice("sampling mode", mode, MODES)
        check_choice("form of the KL", kl, KL_FORMS)
        check_choice("way to give diffusion times", times, TIMES)
        if (diffusion_time is None) == (log_diffusion_time is None):
            raise UserError(
                "the diffusion time is not determined",
                expected="one of diffusion_time and log_diffusion_time",
                received="none" if diffusion_time is None else "both",
            )
        if isinstance(num_steps, bool) or not isinstance(num_steps, int) or num_steps < 1:
            raise UserError(
                "a walk needs steps", expected="a whole num_steps >= 1", received=repr(num_steps)
            )
        if "exact" in (mode, kl) and not manifold.has_exact_kernel:
            raise UserError(
                "the heat kernel is not known here",
                expected='mode "random_walk" or "algorithm1", and kl "asymptotic"',
                received=f'mode "{mode}" and kl "{kl}" on {manifold!r}',
            )
        self.loc = tf.convert_to_tensor(loc)
        dtype = self.loc.dtype
        self.manifold, self.mode, self.kl_form, self.num_steps = manifold, mode, kl, num_steps
        self.times = times
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
        shape = self.log_diffusion_time.shape
        if times == "per_factor" and (not shape.rank or shape[-1] != manifold.num_factors):
            raise UserError(
                f"these are no diffusion times for the factors of {manifold!r}",
                expected=f"last axis of {manifold.num_factors}",
                received=f"shape {tuple(shape)}",
            )
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
        """The time t, of the shape in which it was given."""
        return tf.exp(self.log_diffusion_time)

    def kl_per_factor(self) -> tf.Tensor:
        """KL of each factor to its uniform distribution, (..., num_factors), in nats."""
        shape = tf.concat([self._batch_shape_tensor(), [self.manifold.num_factors]], 0)
        log_t = tf.broadcast_to(self._log_times(), shape)
        return self.manifold.kl_by_factor(self.loc, log_t, self.kl_form)

    def log_prob_per_factor(self, value: tf.Tensor) -> tf.Tensor:
        """Log density of the part of `value` on each factor, (..., num_factors), in nats."""
        log_t = self._log_times()
        shape = tf.concat([tf.shape(log_t)[:-1], [self.manifold.num_factors]], 0)
        log_t = tf.broadcast_to(log_t, shape)
        return self.manifold.log_heat_kernel_by_factor(self.loc, value, log_t)

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        properties = tfp.util.ParameterProperties

        def time_ndims(distribution: Diffusion) -> int:
            return int(distribution.times == "per_factor")

        return {
            "loc": properties(event_ndims=1),
            "diffusion_time": properties(event_ndims=time_ndims),
            "log_diffusion_time": properties(event_ndims=time_ndims),
        }

    def _log_times(self) -> tf.Tensor:
        """Log t with a last axis that broadcasts to the factors."""
        shared = self.times == "shared"
        return self.log_diffusion_time[..., None] if shared else self.log_diffusion_time

    def _batch_shape(self) -> tf.TensorShape:
        return tf.broadcast_static_shape(self.loc.shape[:-1], self._log_times().shape[:-1])

    def _batch_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.broadcast_dynamic_shape(
            tf.shape(self.loc)[:-1], tf.shape(self._log_times())[:-1]
        )

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        seed = tfp.random.sanitize_seed(seed)
        shape = tf.concat([[n], self._batch_shape_tensor(), self._event_shape_tensor()], 0)
        loc, log_t = tf.broadcast_to(self.loc, shape), self.log_diffusion_time
        by_factor = self.times == "per_factor"
        space = self.manifold
        if self.mode == "exact":
            exact = space.sample_heat_by_factor if by_factor else space.sample_heat
            return exact(loc, log_t, seed)
        walk = space.sample_walk_by_factor if by_factor else space.sample_walk
        return walk(loc, log_t, self.num_steps, seed, step=self.mode)

    def _log_prob(self, value: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(self.log_prob_per_factor(value), axis=-1)


@tfp.distributions.RegisterKL(Diffusion, Uniform)
def _kl_diffusion_uniform(a: Diffusion, b: Uniform, name: str | None = None) -> tf.Tensor:
    if a.manifold != b.manifold:
        raise UserError(
            "there is no KL between distributions on different manifolds",
            expected=a.manifold,
            received=b.manifold,
        )
    return tf.reduce_sum(a.kl_per_factor(), axis=-1)


def check_choice(what: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `UserError` unless ``value`` is one of the names in ``choices``."""
    if value not in choices:
        raise unknown_name(f"there is no such {what}", value, choices)


def _check_time(time: tf.Tensor) -> None:
    if tf.executing_eagerly() and bool(tf.reduce_any(time < 0)):
        raise UserError(
            "the diffusion time is negative",
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
