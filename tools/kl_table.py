"""The KL on the sphere that is written, that is published, and that samples carry.

python tools/kl_table.py [--dims 10,20] [--samples 20000]
"""

import math
import sys
from collections.abc import Sequence

import tensorflow as tf
from absl import flags
from rich.console import Console
from rich.table import Table

from deltavae.cli.flags import run
from deltavae.distributions.diffusion import MODES
from deltavae.distributions.sampled_kl import sampled_kl
from deltavae.manifolds import Hypersphere

TIMES = (0.001, 0.003, 0.005, 0.01, 0.03, 0.1, 0.3, 1.0)

_DIMS = flags.DEFINE_list("dims", ["10", "20"], "Dimensions d of the spheres.")
_SAMPLES = flags.DEFINE_integer("samples", 20000, "Samples per mode and time.", lower_bound=1000)
_WIDTH = flags.DEFINE_integer("width", None, "Columns of the table; the terminal's if not given.")


def table(dim: int, num_samples: int, times: Sequence[float] = TIMES) -> Table:
    """KL in nats against t: exact, equation (3), and that of each sampling mode's samples."""
    manifold = Hypersphere(dim)
    result = Table(title=f"KL to the uniform law on S^{dim}, nats")
    for name in ("t", "exact", "equation (3)", *MODES):
        result.add_column(name, justify="right")
    for time in times:
        log_t = tf.constant(math.log(time), tf.float64)
        row = [float(manifold.kl_exact(log_t)), float(manifold.kl_asymptotic(log_t))]
        row += [sampled_kl(manifold.dim, time, mode, num_samples) for mode in MODES]
        result.add_row(f"{time:g}", *(f"{value:.3f}" for value in row))
    return result


def main(argv: Sequence[str]) -> int:
    """Print one table per dimension; returns the exit status."""
    del argv
    console = Console(width=_WIDTH.value)
    try:
        for dim in _DIMS.value:
            console.print(table(int(dim), _SAMPLES.value))
    except ValueError as error:  # from int, or a UserError
        sys.stderr.write(f"error: --dims: {error}\n")
        return 2
    console.print(
        "The last three columns are estimated from samples by the spacings of their angles, "
        "5 steps for the walks; an estimate near 0 may be a little below it."
    )
    return 0


if __name__ == "__main__":
    run(main)
