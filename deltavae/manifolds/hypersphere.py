"""The sphere S^d."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed, check_dim
from deltavae.manifolds.heat_kernel.density import log_kernel
from deltavae.manifolds.heat_kernel.kl import HeatKernelKL, heat_kernel_kl
from deltavae.manifolds.heat_kernel.radial_quantiles import stretch
from deltavae.manifolds.numerics import angle_between, dot, safe_norm, sinc

_LARGEST = 200  # up to 50 dimensions tables are shipped; making those of 200 takes a minute


@keras.saving.register_keras_serializable("deltavae")
class Hypersphere(Manifold):
    """The unit sphere S^d in R^(d+1); the circle for d = 1.

    The heat kernel is exact: KL and sampler from tables made of the spectrum
    (`build_tables`), the density from the spectrum and its short-time expansion
    (`log_kernel`). On the circle an exact sample is a rotation by sqrt(t) eps.

    Args:
        dim: d >= 1. Tables come with the package for d <= 50 and are made at the first use
            beyond, in seconds.
    """

    def __init__(self, dim: int) -> None:
        self.dim = check_dim("Hypersphere", dim)
        if self.dim > _LARGEST:
            raise UserError(
                "the sphere has too many dimensions",
                expected=f"at most {_LARGEST}, for the tables of the heat kernel",
                received=dim,
            )
        self.ambient_dim = self.dim + 1
        self.log_volume = sphere_log_volume(self.dim)
        self.scalar_curvature = float(self.dim * (self.dim - 1))

    @property
    def _kl(self) -> HeatKernelKL:
        return heat_kernel_kl(self.dim, self.log_volume)

    @property
    def log_time_start(self) -> float:  # type: ignore[override]
        """Log t at a KL of 6 nats; of 2 nats for d <= 2, where 6 is sharp already."""
        return self._kl.log_time_at(6.0 if self.dim > 2 else 2.0)

    @property
    def log_time_max(self) -> float:  # type: ignore[override]
        """Log t at a KL of 0.1 nat."""
        return self._kl.log_time_at(0.1)

    def project(self, x: tf.Tensor) -> tf.Tensor:
        """x / |x|; the origin, which has no nearest point, stays where it is."""
        return tf.math.l2_normalize(x, axis=-1)

    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Minus the component along the point."""
        return vector - dot(vector, point, keepdims=True) * point

    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        """Along the great circle."""
        angle = safe_norm(vector, keepdims=True)
        return tf.cos(angle) * point + sinc(angle) * vector

    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        """Of length `dist`; 0 at the antipode, where no direction is shortest."""
        tangent = self.to_tangent(point, other)
        length = safe_norm(tangent, keepdims=True)
        direction = tangent / tf.where(length > 0, length, tf.ones_like(length))
        return self.dist(point, other)[..., None] * direction

    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        """The angle, in [0, pi]."""
        return angle_between(a, b)

    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        """Directions of normal vectors."""
        shape = tf.concat([tf.cast(shape, tf.int32), [self.ambient_dim]], 0)
        return self.project(tf.random.stateless_normal(shape, seed=seed, dtype=dtype))

    def spectrum(self, num_levels: int) -> tuple[np.ndarray, np.ndarray]:
        """l (l + d - 1) with the multiplicities of the spherical harmonics."""
        d = self.dim
        levels = np.arange(num_levels)
        counts = [
            math.comb(k + d, d) - (math.comb(k + d - 2, d) if k >= 2 else 0)
            for k in range(num_levels)
        ]
        return (levels * (levels + d - 1)).astype(float), np.array(counts, dtype=float)

    def kl_exact(self, log_t: tf.Tensor) -> tf.Tensor:
        """From the table of d; 1e-9 in float64, rounding in float32."""
        return self._kl(log_t)

    def log_heat_kernel(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """See `log_kernel.SphereLogKernel`."""
        return log_kernel(self.dim)(x, y, log_t)

    def sample_heat(self, loc: tf.Tensor, log_t: tf.Tensor, seed: Seed) -> tf.Tensor:
        """A stretched tangent normal vector through the exponential map; see `stretch`."""
        shape = tf.broadcast_dynamic_shape(tf.shape(loc), tf.shape(log_t[..., None]))
        noise = tf.random.stateless_normal(shape, seed=seed, dtype=loc.dtype)
        tangent = self.to_tangent(loc, noise)
        square = tf.reduce_sum(tangent * tangent, axis=-1)
        rho = tf.sqrt(tf.maximum(square, float(np.finfo(loc.dtype.as_numpy_dtype).tiny)))
        if self.dim == 1:
            # rotations by more than 1e3 are uniform on the circle to any dtype's rounding
            theta = rho * tf.exp(tf.minimum(log_t, 2 * math.log(1e3)) / 2)
        else:
            theta = stretch(self.dim)(rho, log_t)
        return tf.cos(theta)[..., None] * loc + (tf.sin(theta) / rho)[..., None] * tangent

    def mean_cosine(self, log_t: tf.Tensor) -> tf.Tensor:
        """E cos(angle from loc) = exp(-d t / 2)."""
        return tf.exp(-self.dim / 2 * tf.exp(tf.minimum(log_t, 30.0)))

    def mean_square_cosine(self, log_t: tf.Tensor) -> tf.Tensor:
        """E cos^2 = (1 + d exp(-(d + 1) t)) / (d + 1)."""
        decay = tf.exp(-(self.dim + 1) * tf.exp(tf.minimum(log_t, 30.0)))
        return (1 + self.dim * decay) / (self.dim + 1)

    def get_config(self) -> dict[str, Any]:
        """The dimension."""
        return {"dim": self.dim}


def sphere_log_volume(dim: int) -> float:
    """Log Vol(S^d) = log 2 + ((d + 1) / 2) log pi - lgamma((d + 1) / 2)."""
    return math.log(2) + (dim + 1) / 2 * math.log(math.pi) - math.lgamma((dim + 1) / 2)
