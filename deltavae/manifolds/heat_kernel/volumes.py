"""Volumes of spheres, in logarithms."""

import math


def sphere_log_volume(dim: int) -> float:
    """Log Vol(S^d) = log 2 + ((d + 1) / 2) log pi - lgamma((d + 1) / 2), for d >= 0."""
    return math.log(2) + (dim + 1) / 2 * math.log(math.pi) - math.lgamma((dim + 1) / 2)


def log_angle_constant(dim: int) -> float:
    """Log of c_d = Vol(S^(d-1)) / Vol(S^d).

    The angle between a uniform point of S^d and a fixed one has density c_d sin^(d-1).
    """
    return sphere_log_volume(dim - 1) - sphere_log_volume(dim)
