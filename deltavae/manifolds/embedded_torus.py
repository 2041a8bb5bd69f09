"""The torus of revolution in R^3."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.manifolds.base import Manifold, Seed
from deltavae.manifolds.geodesic_paths import Path
from deltavae.manifolds.numerics import safe_norm

_GEODESIC_STEPS = 64
_KEPLER_STEPS = 12


@keras.saving.register_keras_serializable("deltavae")
class EmbeddedTorus(Manifold):
    """The torus of the diffusion VAE's paper: a tube around a circle in R^3, not flat.

    With c the major and a the minor radius, u the angle around the axis and v that around
    the tube, a point is ((c + a cos v) cos u, (c + a cos v) sin u, a sin v); the volume is
    4 pi^2 c a. The curvature cos v / (a (c + a cos v)) changes along the tube and its mean
    is 0 (Gauss-Bonnet). The heat kernel has no closed form: walks and the short-time KL only,
    and no geodesic distance.

    Args:
        major_radius: c > a.
        minor_radius: a > 0.
    """

    dim = 2
    ambient_dim = 3
    scalar_curvature = 0.0
    has_exact_kernel = False
    geodesics_name = "Around the axis and around the tube"

    def __init__(self, major_radius: float = 2.0, minor_radius: float = 1.0) -> None:
        if not 0 < minor_radius < major_radius:
            raise UserError(
                "there is no such torus",
                expected="0 < minor_radius < major_radius",
                received=f"minor_radius {minor_radius}, major_radius {major_radius}",
            )
        self.major_radius, self.minor_radius = float(major_radius), float(minor_radius)
        self.log_volume = math.log(4 * math.pi**2 * major_radius * minor_radius)

    @override
    def project(self, x: tf.Tensor) -> tf.Tensor:
        # the nearest point: from the tube's centre line outwards
        spoke = tf.math.l2_normalize(x[..., :2], axis=-1)
        centre = self.major_radius * tf.concat([spoke, tf.zeros_like(x[..., 2:])], axis=-1)
        return centre + self.minor_radius * tf.math.l2_normalize(x - centre, axis=-1)

    def normal(self, point: tf.Tensor) -> tf.Tensor:
        """The outward unit normal at a point."""
        spoke = tf.math.l2_normalize(point[..., :2], axis=-1)
        centre = self.major_radius * tf.concat([spoke, tf.zeros_like(point[..., 2:])], axis=-1)
        return (point - centre) / self.minor_radius

    @override
    def to_tangent(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        normal = self.normal(point)
        return vector - tf.reduce_sum(vector * normal, axis=-1, keepdims=True) * normal

    @override
    def exp(self, point: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        # the geodesic by 64 Runge-Kutta steps of its equation in (u, v)
        c, a = self.major_radius, self.minor_radius
        ring = safe_norm(point[..., :2])
        u = tf.atan2(point[..., 1], point[..., 0])
        v = tf.atan2(point[..., 2], ring - c)
        zero = tf.zeros_like(u)
        along_u = tf.stack([-tf.sin(u), tf.cos(u), zero], -1)
        along_v = tf.stack([-tf.sin(v) * tf.cos(u), -tf.sin(v) * tf.sin(u), tf.cos(v)], -1)
        speed_u = tf.reduce_sum(vector * along_u, -1) / ring
        speed_v = tf.reduce_sum(vector * along_v, -1) / a

        def slope(state: tf.Tensor) -> tf.Tensor:
            _, v, du, dv = tf.unstack(state, axis=-1)
            ring = c + a * tf.cos(v)
            acceleration_u = 2 * a * tf.sin(v) / ring * du * dv
            return tf.stack([du, dv, acceleration_u, -ring * tf.sin(v) / a * du * du], -1)

        state = tf.stack([u, v, speed_u, speed_v], -1)
        h = 1.0 / _GEODESIC_STEPS
        for _ in range(_GEODESIC_STEPS):
            k1 = slope(state)
            k2 = slope(state + h / 2 * k1)
            k3 = slope(state + h / 2 * k2)
            k4 = slope(state + h * k3)
            state += h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return self.from_angles(state[..., 0], state[..., 1])

    def from_angles(self, u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
        """The point at angle u around the axis and v around the tube."""
        ring = self.major_radius + self.minor_radius * tf.cos(v)
        return tf.stack([ring * tf.cos(u), ring * tf.sin(u), self.minor_radius * tf.sin(v)], -1)

    @override
    def log(self, point: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        raise self._no_kernel("log")

    @override
    def dist(self, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
        # refused: no closed form, and a chord is no distance
        raise self._no_kernel("dist")

    @override
    def random_uniform(
        self, shape: Sequence[int] | tf.Tensor, seed: Seed, dtype: tf.DType = tf.float32
    ) -> tf.Tensor:
        # uniform by area: v + (a / c) sin v is uniform, solved by Newton's method
        shape = tf.concat([tf.cast(shape, tf.int32), [2]], 0)
        turns = tf.random.stateless_uniform(shape, seed, -math.pi, math.pi, dtype)
        ratio, target = self.minor_radius / self.major_radius, turns[..., 1]
        v = target
        for _ in range(_KEPLER_STEPS):
            excess = v + ratio * tf.sin(v) - target
            v = tf.clip_by_value(v - excess / (1 + ratio * tf.cos(v)), -math.pi, math.pi)
        return self.from_angles(turns[..., 0], v)

    @override
    def closed_geodesics(
        self,
        point: np.ndarray,
        directions: np.ndarray,
        num_points: int,
        labels: Sequence[str] | None = None,
    ) -> list[Path]:
        # circles of latitude are closed, but no geodesics unless at the widest or the narrowest
        turn = np.linspace(0.0, 2.0 * np.pi, num_points)
        point = point.astype(np.float64)
        u = np.arctan2(point[1], point[0])
        v = np.arctan2(point[2], np.hypot(point[0], point[1]) - self.major_radius)
        around_axis = self.from_angles(tf.constant(u + turn), tf.fill([num_points], v))
        around_tube = self.from_angles(tf.fill([num_points], u), tf.constant(v + turn))
        return [
            Path("around the axis", around_axis.numpy(), True),
            Path("around the tube", around_tube.numpy(), True),
        ]

    @override
    def get_config(self) -> dict[str, Any]:
        return {"major_radius": self.major_radius, "minor_radius": self.minor_radius}
