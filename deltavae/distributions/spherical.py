"""What the rotationally symmetric distributions on the sphere share."""

import math
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp

from deltavae.distributions.uniform import Uniform
from deltavae.errors import UserError
from deltavae.manifolds import Hypersphere
from deltavae.manifolds.heat_kernel.tables import MAX_DIM
from deltavae.manifolds.numerics import safe_norm


class Spherical(tfp.distributions.Distribution):
    """A distribution on S^d around a mean direction, of one concentration.

    The batch is as in loc, an event is a point.

    Subclasses draw (cos, sin) of the angle in `_sample_angle` and give `_log_prob`,
    `_kl_uniform` and `_mean_cosine`.

    Args:
        loc: mean directions, unit vectors (..., d + 1).
        concentration: kappa > 0, broadcasting against loc's leading axes; 0 is the uniform
            distribution, infinity the point mass at loc, which has no density.
        log_concentration: log kappa instead.
        validate_args: check that loc has unit length and the concentration is not negative.
    """

    def __init__(
        self,
        loc: tf.Tensor,
        concentration: tf.Tensor | float | None = None,
        *,
        log_concentration: tf.Tensor | float | None = None,
        validate_args: bool = False,
        name: str | None = None,
    ) -> None:
        parameters = dict(locals())
        kind = type(self).__name__
        if (concentration is None) == (log_concentration is None):
            raise UserError(
                f"the concentration of {kind} is not determined",
                expected="one of concentration and log_concentration",
                received="none" if concentration is None else "both",
            )
        self.loc = tf.convert_to_tensor(loc)
        dim = self.loc.shape[-1] - 1
        if not 1 <= dim <= MAX_DIM:
            raise UserError(
                f"{kind} is not accurate on this sphere",
                expected=f"loc of size 2 to {MAX_DIM + 1}, dimension 1 to {MAX_DIM}",
                received=f"loc of size {dim + 1}",
            )
        self.manifold = Hypersphere(dim)
        if concentration is None:
            concentration = tf.exp(tf.convert_to_tensor(log_concentration, self.loc.dtype))
        self.concentration = tf.convert_to_tensor(concentration, self.loc.dtype)
        if validate_args and tf.executing_eagerly():
            self._check()
        super().__init__(
            dtype=self.loc.dtype,
            reparameterization_type=tfp.distributions.FULLY_REPARAMETERIZED,
            validate_args=validate_args,
            allow_nan_stats=True,
            parameters=parameters,
            name=name or kind,
        )

    def _check(self) -> None:
        if bool(tf.reduce_any(self.concentration < 0)):
            raise UserError(
                "the concentration is negative",
                expected="concentration >= 0",
                received=float(tf.reduce_min(self.concentration)),
            )
        off = float(tf.reduce_max(tf.abs(safe_norm(self.loc) - 1)))
        if off > 1e-4:
            raise UserError(
                "loc is not on the sphere",
                expected="unit vectors",
                received=f"a length {off:.2g} away from 1",
            )

    @classmethod
    def _parameter_properties(cls, dtype: Any, num_classes: Any = None) -> dict[str, Any]:
        properties = tfp.util.ParameterProperties
        return {
            "loc": properties(event_ndims=1),
            "concentration": properties(),
            "log_concentration": properties(),
        }

    def _batch_shape(self) -> tf.TensorShape:
        return tf.broadcast_static_shape(self.loc.shape[:-1], self.concentration.shape)

    def _batch_shape_tensor(self, **_: Any) -> tf.Tensor:
        return tf.broadcast_dynamic_shape(tf.shape(self.loc)[:-1], tf.shape(self.concentration))

    def _event_shape(self) -> tf.TensorShape:
        return tf.TensorShape([self.manifold.ambient_dim])

    def _event_shape_tensor(self) -> tf.Tensor:
        return tf.constant([self.manifold.ambient_dim])

    def _sample_n(self, n: tf.Tensor, seed: Any = None) -> tf.Tensor:
        angle_seed, direction_seed = tf.unstack(
            tf.random.split(tfp.random.sanitize_seed(seed), 2), num=2
        )
        batch = tf.concat([[n], self._batch_shape_tensor()], 0)
        shape = tf.concat([batch, self._event_shape_tensor()], 0)
        noise = tf.random.stateless_normal(shape, direction_seed, dtype=self.dtype)
        tangent = self.manifold.to_tangent(self.loc, noise)
        direction = tf.math.l2_normalize(tangent, axis=-1)
        # beyond this a draw is loc to rounding, and squares of infinity are no numbers
        concentration = tf.minimum(self.concentration, math.sqrt(self.dtype.max))
        concentration = tf.broadcast_to(concentration, batch)
        cosine, sine = self._sample_angle(concentration, angle_seed)
        return cosine[..., None] * self.loc + sine[..., None] * direction

    def _sample_angle(
        self, concentration: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """(cos, sin) of the angle from loc, one per concentration, with pathwise gradients."""
        raise NotImplementedError

    def _mean(self) -> tf.Tensor:
        infinite = tf.math.is_inf(self.concentration)
        cosine = tf.where(infinite, tf.ones([], self.dtype), self._mean_cosine())
        mean = cosine[..., None] * self.loc
        return tf.broadcast_to(
            mean, tf.concat([self._batch_shape_tensor(), self._event_shape_tensor()], 0)
        )

    def _mean_cosine(self) -> tf.Tensor:
        """E cos(angle from loc), of the shape of the concentration."""
        raise NotImplementedError

    def _kl_uniform(self) -> tf.Tensor:
        """KL to the uniform distribution, of the shape of the concentration."""
        raise NotImplementedError


@tfp.distributions.RegisterKL(Spherical, Uniform)
def _kl_spherical_uniform(a: Spherical, b: Uniform, name: str | None = None) -> tf.Tensor:
    if a.manifold != b.manifold:
        raise UserError(
            "there is no KL between distributions on different manifolds",
            expected=a.manifold,
            received=b.manifold,
        )
    infinite = tf.math.is_inf(a.concentration)
    kl = tf.where(infinite, a.concentration, a._kl_uniform())
    return tf.broadcast_to(kl, a.batch_shape_tensor())
