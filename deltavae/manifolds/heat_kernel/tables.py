"""Tables of the heat kernel on S^1 to S^200, as `tools/heat_kernel_tables.py` computed them.

Each table holds values at Chebyshev points of the second kind of log t, over the times of
`time_range`; the sampler's has a second axis, Chebyshev points of the radius in [0, `radius_max`].

    log_kl             (64,)      log KL(heat kernel || uniform distribution) on S^d
    log_kl_projective  (64,)      the same on S^d modulo sign
    log_angle_ratio    (64, 28)   log(theta / (rho sqrt t)), see `radial_quantiles`
"""

import functools
import math
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("heat_kernel_tables.npz")
MAX_DIM = 200


def time_range(dim: int, projective: bool = False) -> tuple[float, float]:
    """Times that the tables cover; a series in t holds below, exponential decay above."""
    rate = 2 * (dim + 1) if projective else dim
    return 0.02 / dim, 28.0 / rate


def radius_max(dim: int) -> float:
    """Largest radius of the sampler's table; chi_d exceeds it with probability below 1e-9."""
    return math.sqrt(dim) + 6.0


@functools.cache
def _all() -> dict[str, np.ndarray]:
    with np.load(FILE) as archive:
        return {name: archive[name] for name in archive.files}


def load(dim: int) -> dict[str, np.ndarray]:
    """The tables of dimension ``dim``, 1 to `MAX_DIM`, float64."""
    return {name: table[dim - 1].astype(np.float64) for name, table in _all().items()}
