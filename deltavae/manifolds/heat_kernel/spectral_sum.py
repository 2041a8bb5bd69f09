"""The heat kernel on S^d summed over its spectrum in fixed point.

The series cancels catastrophically in floating point at small times (for d = 50 nothing is
left below t = 0.05), so it is summed here with as many bits as the cancellation costs.

    p_t(theta) = sum_l N_l exp(-l (l + d - 1) t / 2) R_l(cos theta)

is the density with respect to the uniform law, with N_l the multiplicities and R_l the
Gegenbauer polynomials normalised to R_l(1) = 1.
"""

import math
from fractions import Fraction

import numpy as np


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


def density(
    dim: int, time: float, theta: np.ndarray, projective: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The density p relative to the uniform law, as (p - 1, log p), each to full precision.

    Args:
        dim: dimension d of the sphere.
        time: diffusion time.
        theta: angles, any shape, float64.
        projective: sum even degrees only, which gives the kernel of the projective space
            (the sphere modulo sign) relative to its own uniform law.
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
