"""Tables of the heat kernel on the sphere S^d, made from its spectrum in exact arithmetic.

The tables hold values at Chebyshev points of log t (and of the radius, for the sampler),
where polynomial interpolation is as accurate as the arithmetic (`spectral_sum`).

    python -m deltavae.manifolds.heat_kernel.build_tables   # writes heat_kernel_tables.npz

Symbols: ``d`` dimension, ``t`` time (generator half the Laplacian), ``theta`` the angle from
the starting point, p the density with respect to the uniform law.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from scipy import special

from deltavae.manifolds.heat_kernel.spectral_sum import density

SHIPPED_DIMS = range(1, 51)
SHIPPED_FILE = Path(__file__).with_name("heat_kernel_tables.npz")
NUM_TIMES = 64
NUM_RADII = 28
_NUM_ANGLES = 128


def time_range(dim: int, projective: bool = False) -> tuple[float, float]:
    """Times between which tables are used: the short-time series is exact below, decay above."""
    rate = 2 * (dim + 1) if projective else dim
    return 0.02 / dim, 28.0 / rate


def radius_max(dim: int) -> float:
    """Largest radius of the sampler's table; chi_d exceeds it with probability below 1e-9."""
    return math.sqrt(dim) + 6.0


def chebyshev_points(low: float, high: float, num: int) -> np.ndarray:
    """``num`` Chebyshev points of the second kind on [low, high], increasing."""
    return (low + high) / 2 - (high - low) / 2 * np.cos(np.pi * np.arange(num) / (num - 1))


def _log_uniform_constant(dim: int) -> float:
    """log of c_d = Gamma((d+1)/2) / (sqrt(pi) Gamma(d/2)); the uniform angle has c_d sin^(d-1)."""
    return math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2) - math.log(math.pi) / 2


def _angle_max(dim: int, time: float, full: float) -> float:
    return min(full, math.sqrt(time) * (radius_max(dim) + 3))


def kl_to_uniform(dim: int, time: float, projective: bool = False) -> float:
    """KL(heat kernel at ``time`` || uniform law) in nats, by Gauss-Legendre in the angle."""
    full = math.pi / 2 if projective else math.pi
    top = _angle_max(dim, time, full)
    nodes, weights = np.polynomial.legendre.leggauss(_NUM_ANGLES)
    theta, weights = top * (nodes + 1) / 2, weights * top / 2
    excess, log_p = density(dim, time, theta, projective)
    uniform = np.exp(_log_uniform_constant(dim) + (dim - 1) * np.log(np.sin(theta)))
    if projective:
        uniform = 2 * uniform
    if top < full:
        return float(np.sum(weights * uniform * np.exp(log_p) * log_p))
    # (1 + x) log(1 + x) - x, without cancellation for small x
    small = np.abs(excess) < 0.02
    x = np.where(small, excess, 0.0)
    series = x**2 * sum((-x) ** k / ((k + 1) * (k + 2)) for k in range(9))
    gain = np.where(small, series, np.exp(log_p) * log_p - excess)
    return float(np.sum(weights * uniform * gain))


def log_stretch(dim: int, time: float, radii: np.ndarray) -> np.ndarray:
    """h with theta = radius sqrt(t) exp(h) carrying the law chi_d to the law of the angle.

    Solved by Newton's method on the logarithm of whichever tail is the smaller.
    """
    log_c = _log_uniform_constant(dim)
    top = _angle_max(dim, time, math.pi)
    nodes, weights = np.polynomial.legendre.leggauss(_NUM_ANGLES)
    grid = top * (nodes + 1) / 2
    _, log_p = density(dim, time, grid)
    # barycentric weights of Legendre points, known in closed form
    barycentric_weights = (-1.0) ** np.arange(_NUM_ANGLES) * np.sqrt((1 - nodes**2) * weights)

    def barycentric(angle: np.ndarray) -> np.ndarray:
        shift = np.reshape(angle, (-1, 1)) - grid
        kernel = barycentric_weights / np.where(shift == 0, 1e-300, shift)
        return np.reshape(kernel @ log_p / kernel.sum(axis=1), np.shape(angle))

    legendre, legendre_weights = np.polynomial.legendre.leggauss(64)
    jacobi, jacobi_weights = special.roots_jacobi(64, 0.0, dim - 1.0)
    jacobi, jacobi_weights = (jacobi + 1) / 2, jacobi_weights / 2.0**dim

    def log_g(theta: np.ndarray) -> np.ndarray:  # density of the angle over theta^(d-1)
        return log_c + (dim - 1) * np.log(np.sinc(theta / np.pi)) + barycentric(theta)

    def log_lower(theta: np.ndarray) -> np.ndarray:
        inner = np.exp(log_g(theta[:, None] * jacobi) - log_g(theta)[:, None])
        return dim * np.log(theta) + log_g(theta) + np.log(inner @ jacobi_weights)

    def log_upper(theta: np.ndarray) -> np.ndarray:
        if top == math.pi:
            left = math.pi - theta
            angle = math.pi - left[:, None] * jacobi
            log_density = (
                log_c
                + (dim - 1) * np.log(np.sinc(left[:, None] * jacobi / np.pi))
                + barycentric(angle)
            )
            peak = log_density.max(axis=1)
            inner = np.exp(log_density - peak[:, None])
            return dim * np.log(left) + peak + np.log(inner @ jacobi_weights)
        angle = theta[:, None] + (top - theta)[:, None] * (legendre + 1) / 2
        log_density = log_g(angle) + (dim - 1) * np.log(angle)
        peak = log_density.max(axis=1)
        inner = np.exp(log_density - peak[:, None])
        return np.log((top - theta) / 2) + peak + np.log(inner @ legendre_weights)

    rho = radii[radii > 0]
    below = special.gammainc(dim / 2, rho**2 / 2) < 0.5
    target = np.where(
        below,
        np.log(special.gammainc(dim / 2, rho**2 / 2)),
        np.log(special.gammaincc(dim / 2, rho**2 / 2)),
    )
    # bracketed Newton in theta
    low, high = np.zeros_like(rho), np.full_like(rho, top)
    theta = np.minimum(rho * math.sqrt(time), 0.5 * top * (1 + rho / rho.max()) * 0.99)
    for _ in range(60):
        log_cdf = np.where(below, log_lower(theta), log_upper(theta))
        log_pdf = log_g(theta) + (dim - 1) * np.log(theta)
        residual = np.where(below, log_cdf - target, target - log_cdf)
        low, high = np.where(residual < 0, theta, low), np.where(residual > 0, theta, high)
        step = residual * np.exp(np.clip(log_cdf - log_pdf, -700, 700))
        proposal = theta - step
        proposal = np.where((proposal <= low) | (proposal >= high), (low + high) / 2, proposal)
        converged = np.max(np.abs(proposal / theta - 1)) < 1e-10
        theta = proposal
        if converged:
            break
    stretch = np.zeros_like(radii)
    stretch[radii > 0] = np.log(theta / (rho * math.sqrt(time)))
    at_zero = (
        (1 - dim / 2) * math.log(2) - math.lgamma(dim / 2) - log_c - barycentric(np.zeros(1))[0]
    )
    stretch[radii == 0] = at_zero / dim - math.log(time) / 2
    return stretch


def build(dim: int) -> dict[str, np.ndarray]:
    """All tables of one dimension.

    Returns:
        ``log_kl`` and ``log_kl_projective`` (NUM_TIMES,) at Chebyshev points of log t over
        `time_range`, and ``log_stretch`` (NUM_TIMES, NUM_RADII), radii being Chebyshev points
        of [0, radius_max]. The circle's sampler needs no table and gets zeros.
    """
    tables = {}
    for name, projective in (("log_kl", False), ("log_kl_projective", True)):
        low, high = np.log(time_range(dim, projective))
        times = np.exp(chebyshev_points(low, high, NUM_TIMES))
        tables[name] = np.log([kl_to_uniform(dim, t, projective) for t in times])
    low, high = np.log(time_range(dim))
    times = np.exp(chebyshev_points(low, high, NUM_TIMES))
    radii = chebyshev_points(0.0, radius_max(dim), NUM_RADII)
    radii[0] = 0.0
    if dim == 1:
        stretch = np.zeros((NUM_TIMES, NUM_RADII))
    else:
        stretch = np.stack([log_stretch(dim, t, radii) for t in times])
    tables["log_stretch"] = stretch.astype(np.float32)
    return tables


def main() -> None:
    """Build the tables of every shipped dimension and write them beside this module."""
    built = [build(dim) for dim in SHIPPED_DIMS]
    columns: dict[str, Any] = {name: np.stack([t[name] for t in built]) for name in built[0]}
    np.savez_compressed(SHIPPED_FILE, **columns)


if __name__ == "__main__":
    main()
