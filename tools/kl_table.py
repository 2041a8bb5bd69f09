"""The KL on the sphere that is written, that is published, and that samples carry.

python -m tools.kl_table [--dims 10,20] [--samples 20000]
"""

import argparse
import math
from collections.abc import Sequence

import tensorflow as tf
from rich.console import Console
from rich.table import Table

from deltavae.distributions.diffusion import MODES
from deltavae.distributions.sampled_kl import sampled_kl
from deltavae.manifolds import Hypersphere

TIMES = (0.001, 0.003, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0)


def table(dim: int, num_samples: int, times: Sequence[float] = TIMES) -> Table:
    """KL in nats against t: exact, equation (3), and that of each sampling mode's samples."""
    manifold = Hypersphere(dim)
    result = Table(title=f"KL to the uniform distribution on S^{dim}, nats")
    for name in ("t", "exact", "equation (3)", *MODES):
        result.add_column(name, justify="right")
    for time in times:
        log_t = tf.constant(math.log(time), tf.float64)
        row = [float(manifold.kl_exact(log_t)), float(manifold.kl_asymptotic(log_t))]
        row += [sampled_kl(manifold.dim, time, mode, num_samples) for mode in MODES]
        result.add_row(f"{time:g}", *(f"{value:.3f}" for value in row))
    return result


def main() -> None:
    """Print one table per dimension."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--dims", default="10,20", help="dimensions d of the spheres; default: %(default)s"
    )
    parser.add_argument(
        "--samples", type=int, default=20000, help="samples per mode and time; default: 20000"
    )
    parser.add_argument("--width", type=int, help="columns of the table; default: the terminal's")
    chosen = parser.parse_args()
    if chosen.samples < 1000:
        parser.error("--samples: at least 1000")
    console = Console(width=chosen.width)
    try:
        for dim in chosen.dims.split(","):
            console.print(table(int(dim), chosen.samples))
    except ValueError as error:  # from int, or a UserError
        parser.error(f"--dims: {error}")
    console.print(
        "The last three columns are estimated from samples by the spacings of their angles, "
        "5 steps for the walks; an estimate near 0 may be a little below it."
    )


if __name__ == "__main__":
    main()
