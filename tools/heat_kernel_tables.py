"""Build the tables of the heat kernel on the spheres S^1 to S^200 that the package ships.

    python tools/heat_kernel_tables.py [--output FILE] [--jobs 2]

The tables hold values at Chebyshev points of log t (and of the radius, for the sampler). Rows up
to S^50 are computed from the spectrum. The series

    p_t(theta) = sum_l N_l exp(-l (l + d - 1) t / 2) R_l(cos theta)

(density with respect to the uniform distribution; N_l the multiplicities, R_l the Gegenbauer
polynomials with R_l(1) = 1) cancels catastrophically in floating point at small times, so it is
summed in fixed point, with as many bits as the cancellation costs. Beyond S^50, rows are
computed at `NODE_DIMS` and interpolated in log d in between: at a given t d they are smooth
functions of d. The error of that is measured at `CHECK_DIMS` and printed.

Symbols: ``d`` dimension, ``t`` diffusion time (generator half the Laplacian), ``theta`` the angle
from the starting point.
"""

from __future__ import annotations

import argparse
import math
import sys
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
from scipy import interpolate, special

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.manifolds.heat_kernel.tables import FILE, MAX_DIM, radius_max, time_range
from deltavae.manifolds.heat_kernel.volumes import log_angle_constant

NUM_TIMES = 64
NUM_RADII = 28
COMPUTED = range(1, 51)
NODE_DIMS = (38, 39, 42, 47, 54, 65, 79, 96, 117, 140, 162, 182, 195, 200)
CHECK_DIMS = (45, 50, 100, 180)
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(128)

Kernel = tuple[np.ndarray, np.ndarray]  # p - 1 and log p at the angles of `angle_grid`


def chebyshev_points(low: float, high: float, num: int) -> np.ndarray:
    """``num`` Chebyshev points of the second kind on [low, high], increasing."""
    return (low + high) / 2 - (high - low) / 2 * np.cos(np.pi * np.arange(num) / (num - 1))


def _exp_fixed(x: Fraction, bits: int) -> int:
    """2^bits exp(-x) for a rational x > 0, by Taylor's series after halving the argument."""
    numerator, denominator = x.as_integer_ratio()
    guard = bits + 64
    halvings = max(0, math.ceil(math.log2(x)) + 8)
    y = -((numerator << guard) // denominator) >> halvings
    total = term = 1 << guard
    k = 1
    while abs(term) > 1:
        term = (term * y >> guard) // k
        total += term
        k += 1
    for _ in range(halvings):
        total = total * total >> guard
    return total >> (guard - bits)


def _cos_fixed(x: float, bits: int) -> int:
    """2^bits cos(x) for a double x, by Taylor's series."""
    numerator, denominator = x.as_integer_ratio()
    guard = bits + 64
    y = (numerator << guard) // denominator
    square = y * y >> guard
    total = term = 1 << guard
    k = 0
    while abs(term) > 1:
        term = -(term * square >> guard) // ((k + 1) * (k + 2))
        total += term
        k += 2
    return total >> (guard - bits)


def kernel_density(
    dim: int, time: float, theta: np.ndarray, projective: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Density p relative to the uniform distribution, as (p - 1, log p), to full precision.

    Args:
        dim: dimension d of the sphere.
        time: diffusion time.
        theta: angles, any shape, float64.
        projective: sum even degrees only, which gives the kernel of the projective space
            (the sphere modulo sign) relative to its own uniform distribution.
    """
    bits = 160 + math.ceil((math.sqrt(dim) + 9) ** 2 / 2 / math.log(2))
    one = 1 << bits
    cosine = np.array([_cos_fixed(float(x), bits) for x in theta.ravel()], dtype=object)
    # e_{l+1} / e_l = exp(-d t / 2) exp(-l t), both of the same t to all bits: a rounding of
    # d t / 2 would undo the cancellation
    decay = _exp_fixed(Fraction(time), bits)
    ratio = _exp_fixed(Fraction(time) * dim / 2, bits + 64)
    weight = 1 << (bits + 64)
    before, now = np.full_like(cosine, one), cosine
    total = np.zeros_like(cosine)
    multiplicity, degree = 1, 0
    while True:
        degree += 1
        # N_l = C(l+d-1, l) (2l+d-1) / (l+d-1)
        multiplicity = (
            math.comb(degree + dim - 1, degree) * (2 * degree + dim - 1) // (degree + dim - 1)
        )
        weight = weight * ratio >> (bits + 64)
        ratio = ratio * decay >> bits
        coefficient = multiplicity * weight >> 64
        if coefficient == 0:
            break
        if not (projective and degree % 2):
            total = total + (coefficient * now >> bits)
        before, now = (
            now,
            ((2 * degree + dim - 1) * (cosine * now >> bits) - degree * before)
            // (degree + dim - 1),
        )
    excess = np.array([float(s) if s == 0 else s / one for s in total])
    log_p = np.array([math.log(max(s + one, 1)) - bits * math.log(2) for s in total])
    log_p = np.where(np.abs(excess) < 0.5, np.log1p(np.clip(excess, -0.6, 0.6)), log_p)
    return excess.reshape(theta.shape), log_p.reshape(theta.shape)


def angle_grid(dim: int, time: float, full: float) -> tuple[float, np.ndarray, np.ndarray]:
    """(largest angle, Legendre nodes below it, weights) that hold the angle's distribution."""
    top = min(full, math.sqrt(time) * (radius_max(dim) + 3))
    return top, top * (_NODES + 1) / 2, _WEIGHTS * top / 2


def kl_to_uniform(dim: int, time: float, projective: bool, kernel: Kernel) -> float:
    """KL(heat kernel at ``time`` || uniform distribution) in nats, by quadrature in the angle."""
    full = math.pi / 2 if projective else math.pi
    top, theta, weights = angle_grid(dim, time, full)
    excess, log_p = kernel
    uniform = np.exp(log_angle_constant(dim) + (dim - 1) * np.log(np.sin(theta)))
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


def log_chi_cdf(dim: int, rho: np.ndarray) -> np.ndarray:
    """Log probability that chi_d is below rho, also where the probability underflows."""
    a, x = dim / 2, rho**2 / 2
    # P(a, x) = x^a e^-x M(1, a + 1, x) / Gamma(a + 1), a sum of positive terms
    return a * np.log(x) - x - special.gammaln(a + 1) + np.log(special.hyp1f1(1, a + 1, x))


def log_angle_ratio(dim: int, time: float, radii: np.ndarray, kernel: Kernel) -> np.ndarray:
    """h with theta = radius sqrt(t) exp(h) carrying chi_d to the distribution of the angle.

    Solved by Newton's method on the logarithm of whichever tail is the smaller.
    """
    log_c = log_angle_constant(dim)
    top, grid, _ = angle_grid(dim, time, math.pi)
    # barycentric weights of Legendre points, known in closed form
    weights = (-1.0) ** np.arange(len(_NODES)) * np.sqrt((1 - _NODES**2) * _WEIGHTS)
    barycentric = interpolate.BarycentricInterpolator(grid, kernel[1], wi=weights)

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
        log_chi_cdf(dim, rho),
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
    ratio = np.zeros_like(radii)
    ratio[radii > 0] = np.log(theta / (rho * math.sqrt(time)))
    at_zero = (
        (1 - dim / 2) * math.log(2) - math.lgamma(dim / 2) - log_c - barycentric(np.zeros(1))[0]
    )
    ratio[radii == 0] = at_zero / dim - math.log(time) / 2
    return ratio


def build(dim: int) -> dict[str, np.ndarray]:
    """Compute all tables of one dimension; see `deltavae.manifolds.heat_kernel.tables`.

    The circle's sampler needs no table and gets zeros.
    """
    low, high = np.log(time_range(dim))
    radii = chebyshev_points(0.0, radius_max(dim), NUM_RADII)
    radii[0] = 0.0
    log_kl, ratios = [], []
    for time in np.exp(chebyshev_points(low, high, NUM_TIMES)):
        kernel = kernel_density(dim, time, angle_grid(dim, time, math.pi)[1])
        log_kl.append(math.log(kl_to_uniform(dim, time, False, kernel)))
        ratios.append(
            log_angle_ratio(dim, time, radii, kernel) if dim > 1 else np.zeros(NUM_RADII)
        )
    low, high = np.log(time_range(dim, projective=True))
    projective = []
    for time in np.exp(chebyshev_points(low, high, NUM_TIMES)):
        kernel = kernel_density(dim, time, angle_grid(dim, time, math.pi / 2)[1], projective=True)
        projective.append(math.log(kl_to_uniform(dim, time, True, kernel)))
    return {
        "log_kl": np.array(log_kl),
        "log_kl_projective": np.array(projective),
        "log_angle_ratio": np.array(ratios),
    }


def between(nodes: np.ndarray, rows: np.ndarray, dims: np.ndarray) -> np.ndarray:
    """Interpolate rows (len(nodes), ...) in log d: rows at other dimensions."""
    return interpolate.barycentric_interpolate(np.log(nodes), rows, np.log(dims))


def main() -> None:
    """Compute, interpolate, check and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, default=FILE)
    parser.add_argument("--jobs", type=int, default=1)
    arguments = parser.parse_args()
    dims = sorted({*COMPUTED, *NODE_DIMS, *CHECK_DIMS})
    with ProcessPoolExecutor(arguments.jobs) as pool:
        built = dict(zip(dims, pool.map(build, dims), strict=True))
    nodes, tables = np.array(NODE_DIMS), {}
    for name in built[1]:
        rows = np.stack([built[dim][name] for dim in NODE_DIMS])
        for dim in CHECK_DIMS:
            error = np.max(np.abs(between(nodes, rows, np.array([dim]))[0] - built[dim][name]))
            print(f"{name} d = {dim}: error of the interpolation {error:.1e}")
        table = between(nodes, rows, np.arange(1, MAX_DIM + 1))
        for dim, computed in built.items():
            table[dim - 1] = computed[name]
        tables[name] = table.astype(np.float32) if name == "log_angle_ratio" else table
    np.savez_compressed(arguments.output, **tables)


if __name__ == "__main__":
    main()
