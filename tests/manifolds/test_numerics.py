import math

import numpy as np
import pytest
import tensorflow as tf

from deltavae.manifolds import numerics


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
def test_values_and_gradients_at_the_edge(dtype):
    zero = tf.zeros([3], dtype)
    for function, value in ((numerics.safe_norm, 0.0), (numerics.sinc, 1.0)):
        with tf.GradientTape() as tape:
            tape.watch(zero)
            result = function(zero)
        np.testing.assert_array_equal(result, np.full(result.shape, value))
        np.testing.assert_array_equal(tape.gradient(result, zero), np.zeros(3))


def test_sinc_is_smooth_across_its_guard():
    x = tf.constant(np.geomspace(1e-6, 3, 300))
    np.testing.assert_allclose(numerics.sinc(x), np.sinc(x.numpy() / math.pi), rtol=1e-14)


def test_angles_keep_their_digits():
    for angle in (1e-7, 1.0, math.pi - 1e-7):
        y = tf.constant([math.cos(angle), math.sin(angle)], tf.float64)
        got = float(numerics.angle_between(tf.constant([1.0, 0.0], tf.float64), y))
        assert got == pytest.approx(angle, rel=1e-12)
