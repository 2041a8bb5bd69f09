"""Guarded functions: value and gradient stay finite where the plain formula divides by zero.

Each guards the input as well as the output, because the gradient of the branch that `where`
discards is still computed, and nan * 0 is nan. Tolerances come from the dtype.
"""

import numpy as np
import tensorflow as tf


def epsilon(dtype: tf.DType | str) -> float:
    """The rounding unit of a floating dtype."""
    return float(np.finfo(tf.as_dtype(dtype).as_numpy_dtype).eps)


def dot(x: tf.Tensor, y: tf.Tensor, keepdims: bool = False) -> tf.Tensor:
    """Inner product over the last axis."""
    return tf.reduce_sum(x * y, axis=-1, keepdims=keepdims)


def safe_norm(x: tf.Tensor, keepdims: bool = False) -> tf.Tensor:
    """Euclidean norm over the last axis; at 0 the value is 0 and the gradient 0, not nan."""
    square = tf.reduce_sum(x * x, axis=-1, keepdims=keepdims)
    tiny = float(np.finfo(x.dtype.as_numpy_dtype).tiny)
    is_zero = square < tiny
    root = tf.sqrt(tf.where(is_zero, tf.ones_like(square), square))
    return tf.where(is_zero, tf.zeros_like(root), root)


def sinc(x: tf.Tensor) -> tf.Tensor:
    """sin(x) / x; 1 at 0 with gradient 0."""
    small = tf.abs(x) < epsilon(x.dtype) ** 0.25
    safe = tf.where(small, tf.ones_like(x), x)
    return tf.where(small, 1.0 - x * x / 6.0, tf.sin(safe) / safe)


def angle_between(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Angle of two unit vectors, 2 atan2(|x - y|, |x + y|), in [0, pi].

    Exact to rounding everywhere, where arccos loses half the digits near 0 and pi. The
    gradient is 0, a subgradient, at the two ends.
    """
    return 2.0 * tf.atan2(safe_norm(x - y), safe_norm(x + y))
