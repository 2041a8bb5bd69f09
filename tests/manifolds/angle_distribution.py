"""The exact distribution of the angle on S^d, for tests of samplers."""

import math

import numpy as np
import tensorflow as tf

from deltavae.manifolds import Hypersphere


def angle_distribution(dim, t, num=4001):
    """(angles, density of the angle, its CDF) by Simpson's rule on the library's density."""
    theta = np.linspace(0, min(math.pi, math.sqrt(t) * (math.sqrt(dim) + 8)), num)
    x = np.zeros((num, dim + 1))
    y = x.copy()
    x[:, 0], y[:, 0], y[:, 1] = 1, np.cos(theta), np.sin(theta)
    log_t = tf.fill([num], tf.constant(math.log(t), tf.float64))
    log_p = Hypersphere(dim).log_heat_kernel(tf.constant(x), tf.constant(y), log_t).numpy()
    # the sphere of radius sin theta
    ring = math.log(2) + dim / 2 * math.log(math.pi) - math.lgamma(dim / 2)
    f = np.exp(log_p + ring) * np.sin(theta) ** (dim - 1)
    panels = (f[:-2:2] + 4 * f[1:-1:2] + f[2::2]) * (theta[1] - theta[0]) / 3
    return theta[::2], f[::2], np.concatenate([[0], np.cumsum(panels)])
