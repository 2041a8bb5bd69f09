"""Log density of the heat kernel on S^d, in float64 inside, whatever comes in.

Below a crossing time, the logarithm of the Minakshisundaram-Pleijel expansion,

    log p = -theta^2 / 2t - (d/2) log(2 pi t) + ((d-1)/2) log(theta / sin theta)
            + sum_k t^k psi_k(theta^2),

above it the series over the spectrum. The psi_k solve the transport equation of
p_t = p'' / 2 + (d-1) cot(theta) p' / 2; with A = ((d-1)/2) log(theta / sin theta) it reads

    k psi_k + theta psi_k' = (Delta psi_{k-1} + sum_{i+j=k-1} psi_i' psi_j' + [k=1] V) / 2,

Delta being the flat radial Laplacian and V = A'' + (d-1) cot A' + A'^2, and is solved by power
series in theta^2 (Minakshisundaram, Pleijel 1949, for the expansion).
"""

import functools
import math

import numpy as np
import tensorflow as tf
from scipy import special

from deltavae.manifolds.heat_kernel.volumes import sphere_log_volume
from deltavae.manifolds.numerics import safe_norm

_ORDERS = 9
_POWERS = 72
_THETA_MAX = 2.6  # the power series has radius pi; psi is held constant beyond this angle


def expansion_coefficients(dim: int) -> np.ndarray:
    """psi_k as coefficients of v = (theta / pi)^2: (_ORDERS + 1, _POWERS), row 0 being 0."""
    j = np.arange(_POWERS)
    # theta cot(theta) = sum b_j theta^(2j), b_j = -2 zeta(2j) / pi^(2j); here in powers of v
    b = -2.0 * special.zeta(2.0 * np.arange(1, _POWERS + 1))
    q = -(2 * j + 1) * b / np.pi**2
    q[0] -= 1  # cot^2 - 1 / theta^2
    v_term = -((dim - 1) ** 2) / 4 * q + (dim - 1) / 2 * q
    v_term[0] += (dim - 1) / 2
    psi = np.zeros((_ORDERS + 1, _POWERS))
    slopes = np.zeros_like(psi)  # d psi / dv
    for k in range(1, _ORDERS + 1):
        right = v_term.copy() if k == 1 else np.zeros(_POWERS)
        previous = psi[k - 1]
        right[:-1] += (2 * j * (2 * j + dim - 2) * previous)[1:] / np.pi**2
        for i in range(1, k - 1):
            product = np.convolve(slopes[i], slopes[k - 1 - i])[:_POWERS]
            right[1:] += 4 * product[:-1] / np.pi**2
        psi[k] = right / 2 / (k + 2 * j)
        slopes[k, :-1] = (j * psi[k])[1:]
    return psi


def spectral_coefficients(dim: int, num_levels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(eigenvalues / 2, log N_l, C) with R_l(cos theta) = sum_m C[l, m] cos(m theta), C >= 0."""
    level = np.arange(num_levels)
    log_count = special.gammaln(level + dim) - special.gammaln(dim) - special.gammaln(level + 1)
    log_count += np.log(np.maximum(2 * level + dim - 1, 1)) - np.log(
        np.maximum(level + dim - 1, 1)
    )
    log_count[0] = 0.0
    half = (dim - 1) / 2
    log_rise = special.gammaln(half + level) - special.gammaln(half) - special.gammaln(level + 1)
    log_end = (
        special.gammaln(2 * half + level) - special.gammaln(2 * half) - special.gammaln(level + 1)
    )
    cosines = np.zeros((num_levels, num_levels))
    for degree in range(num_levels):
        k = np.arange(degree + 1)
        terms = np.exp(log_rise[k] + log_rise[degree - k] - log_end[degree])
        np.add.at(cosines[degree], np.abs(degree - 2 * k), terms)
    return level * (level + dim - 1) / 2, log_count, cosines


class SphereLogKernel:
    """Log density with respect to the surface measure on S^d, d >= 2."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.crossing = crossing_time(dim)
        self.psi = expansion_coefficients(dim)
        levels = 8
        while _log_last_term(dim, levels, self.crossing) > -42:
            levels += 4
        self.half_eigenvalues, self.log_counts, self.cosines = spectral_coefficients(dim, levels)
        self.log_volume = sphere_log_volume(dim)
        # sin(theta) below kappa t belongs to the cut locus, where all geodesics meet again: there
        # theta / sin(theta) stops at the value that Laplace's method gives at the antipode
        log_kappa = (dim - 2) / 2 * math.log(2) + math.lgamma(dim / 2) - math.log(2 * math.pi) / 2
        self.kappa = math.exp(log_kappa * 2 / (dim - 1)) / math.pi

    def __call__(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """Log density at ``y`` from ``x`` (unit vectors) at exp(log_t); broadcasts.

        Up to four standard deviations of the angle right to 1e-9 for d <= 20, 1e-6 for d = 50,
        1e-4 for d = 100 and 1e-3 for d = 200; beyond them coarse, but finite with finite
        gradients.
        """
        dtype = x.dtype
        x, y, log_t = (tf.cast(value, tf.float64) for value in (x, y, log_t))
        near, far = safe_norm(x - y), safe_norm(x + y)
        theta = 2 * tf.atan2(near, far)
        theta, log_t = theta + tf.zeros_like(log_t), log_t + tf.zeros_like(theta)
        log_crossing = math.log(self.crossing)
        early = self._expansion(theta, near * far / 2, tf.minimum(log_t, log_crossing))
        late = self._series(theta, tf.clip_by_value(log_t, log_crossing, 30.0))
        return tf.cast(tf.where(log_t < log_crossing, early, late), dtype)

    def _expansion(self, theta: tf.Tensor, sine: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        t = tf.exp(log_t)
        v = (tf.minimum(theta, _THETA_MAX) / math.pi) ** 2
        # powers from 1 on: the gradient of v^0 at v = 0 would be 0 * inf
        powers = tf.pow(v[..., None], np.arange(1.0, _POWERS))
        by_order = tf.tensordot(powers, tf.constant(self.psi[1:, 1:].T), 1) + self.psi[1:, 0]
        remainder = tf.reduce_sum(by_order * tf.pow(t[..., None], np.arange(1.0, _ORDERS + 1)), -1)
        flat = theta < 1e-4
        safe_theta = tf.where(flat, tf.ones_like(theta), theta)
        safe_sine = tf.where(flat, tf.ones_like(theta), sine)
        safe_sine = tf.where(theta > 2.0, tf.maximum(safe_sine, self.kappa * t), safe_sine)
        ratio = tf.where(flat, theta**2 / 6, tf.math.log(safe_theta / safe_sine))
        return (
            -(theta**2) / (2 * t)
            - self.dim / 2 * (math.log(2 * math.pi) + log_t)
            + (self.dim - 1) / 2 * ratio
            + remainder
        )

    def _series(self, theta: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        exponents = self.log_counts - self.half_eigenvalues * tf.exp(log_t)[..., None]
        weights = tf.exp(exponents)
        by_frequency = tf.tensordot(weights, tf.constant(self.cosines), 1)
        frequencies = tf.range(self.cosines.shape[1], dtype=tf.float64)
        density = tf.reduce_sum(by_frequency * tf.cos(frequencies * theta[..., None]), -1)
        # beyond what float64 resolves the density is held at its rounding error
        floor = 1e-15 * tf.reduce_sum(weights, -1)
        return tf.math.log(tf.maximum(density, floor)) - self.log_volume


class CircleLogKernel:
    """Log density of the wrapped normal distribution."""

    def __call__(self, x: tf.Tensor, y: tf.Tensor, log_t: tf.Tensor) -> tf.Tensor:
        """As `SphereLogKernel`, exact everywhere: images for t < 2, frequencies above."""
        dtype = x.dtype
        x, y, log_t = (tf.cast(value, tf.float64) for value in (x, y, log_t))
        theta = 2 * tf.atan2(safe_norm(x - y), safe_norm(x + y))
        early = tf.exp(tf.minimum(log_t, math.log(2.0)))[..., None]
        turns = 2 * math.pi * tf.range(-3, 4, dtype=tf.float64)
        images = -((theta[..., None] + turns) ** 2) / (2 * early)
        images = tf.reduce_logsumexp(images - tf.math.log(2 * math.pi * early) / 2, -1)
        late = tf.exp(tf.clip_by_value(log_t, math.log(2.0), 30.0))[..., None]
        m = tf.range(1, 9, dtype=tf.float64)
        waves = 2 * tf.reduce_sum(tf.exp(-(m**2) * late / 2) * tf.cos(m * theta[..., None]), -1)
        waves = tf.math.log1p(waves) - math.log(2 * math.pi)
        return tf.cast(tf.where(log_t < math.log(2.0), images, waves), dtype)


def crossing_time(dim: int) -> float:
    """Time at which the expansion's error and the series' cancellation are alike, by trial."""
    return min(0.15, 0.3 / math.sqrt(dim))


def _log_last_term(dim: int, levels: int, time: float) -> float:
    level = levels - 1
    log_count = math.lgamma(level + dim) - math.lgamma(dim) - math.lgamma(level + 1)
    return log_count + math.log(2) - level * (level + dim - 1) * time / 2


@functools.cache
def log_kernel(dim: int) -> SphereLogKernel | CircleLogKernel:
    """Share one kernel per dimension."""
    return CircleLogKernel() if dim == 1 else SphereLogKernel(dim)
