"""What the KL on the sphere is: exact, published, and carried by samples."""

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure

from deltavae.distributions.sampled_kl import sampled_kl
from deltavae.manifolds import Hypersphere
from deltavae.report.figures.style import CATEGORIES, INK, new_figure, plain


def kl_figure(dims: Sequence[int] = (10, 20), num_samples: int = 20000) -> Figure:
    """KL to the uniform distribution against log t: lines by formula, marks from samples."""
    figure = new_figure(4.3 * len(dims), 3.3)
    log_t = np.linspace(math.log(5e-4), math.log(2.0), 300)
    for axes, dim in zip(np.atleast_1d(figure.subplots(1, len(dims))), dims, strict=True):
        plain(axes, f"S^{dim}", "diffusion time t", "KL to the uniform distribution (nats)")
        manifold, grid = Hypersphere(dim), tf.constant(log_t)
        axes.plot(np.exp(log_t), manifold.kl_exact(grid), color=INK, label="exact")
        axes.plot(
            np.exp(log_t), manifold.kl_asymptotic(grid), "--", color=INK, label="equation (3)"
        )
        for colour, (mode, mark) in zip(
            CATEGORIES,
            (("exact", "o"), ("random_walk", "+"), ("algorithm1", "s")),
            strict=False,
        ):
            times = np.geomspace(1e-3, 1.0, 10)
            carried = [sampled_kl(dim, t, mode, num_samples) for t in times]
            axes.plot(
                times, carried, mark, color=colour, ms=6, mfc="none", label=f"samples, {mode}"
            )
        axes.set_xscale("log")
        axes.set_ylim(-1, 5.2 * dim)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, fontsize=9, frameon=False)
    return figure
