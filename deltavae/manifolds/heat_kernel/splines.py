"""Cubic splines on uniform grids, as one gather and Horner's scheme, differentiable."""

import numpy as np
import tensorflow as tf
from scipy import interpolate


def resample(values: np.ndarray, num: int, axis: int = 0) -> np.ndarray:
    """From Chebyshev points (second kind) to ``num`` uniform points of the same interval."""
    size = values.shape[axis]
    nodes = -np.cos(np.pi * np.arange(size) / (size - 1))
    weights = (-1.0) ** np.arange(size)  # known in closed form, up to a common factor
    weights[[0, -1]] /= 2
    interpolant = interpolate.BarycentricInterpolator(nodes, values, axis, wi=weights)
    return interpolant(np.linspace(-1, 1, num))


def _cell_coefficients(values: np.ndarray) -> np.ndarray:
    """(n, ...) knot values to (n - 1, ..., 4) coefficients, lowest power first, unit spacing."""
    spline = interpolate.CubicSpline(np.arange(len(values)), values, bc_type="not-a-knot")
    return np.moveaxis(spline.c[::-1], 0, -1)


def _cell(x: tf.Tensor, low: float, high: float, cells: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Index of the cell that holds x, and the place of x in it, in [0, 1]; 0 and NaN for NaN."""
    position = (x - low) * (cells / (high - low))
    index = tf.clip_by_value(tf.floor(tf.stop_gradient(position)), 0.0, cells - 1.0)
    # as an integer a NaN would point outside the table
    index = tf.where(tf.math.is_nan(index), tf.zeros_like(index), index)
    return tf.cast(index, tf.int32), position - index


def _cubic(coefficients: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    a, b, c, d = tf.unstack(coefficients, num=4, axis=-1)
    return a + x * (b + x * (c + x * d))


class Spline:
    """Interpolating cubic spline of values at uniform points of [low, high]."""

    def __init__(self, low: float, high: float, values: np.ndarray) -> None:
        self.low, self.high, self.cells = low, high, len(values) - 1
        self.coefficients = _cell_coefficients(values)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """Value at x, any shape; x must lie in [low, high]."""
        index, f = _cell(x, self.low, self.high, self.cells)
        c = tf.gather(tf.constant(self.coefficients, x.dtype), index)
        return _cubic(c, f)


class BicubicSpline:
    """Interpolating bicubic spline of values (n, m) on a uniform grid of a rectangle."""

    def __init__(
        self, low: tuple[float, float], high: tuple[float, float], values: np.ndarray
    ) -> None:
        self.low, self.high = low, high
        self.cells = (values.shape[0] - 1, values.shape[1] - 1)
        rows = _cell_coefficients(values)  # (n - 1, m, 4)
        both = _cell_coefficients(np.moveaxis(rows, 1, 0))  # (m - 1, n - 1, 4, 4)
        self.coefficients = np.swapaxes(both, 0, 1).reshape(-1, 4, 4)

    def __call__(self, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        """Value at (x, y), of one common shape, inside the rectangle."""
        i, f = _cell(x, self.low[0], self.high[0], self.cells[0])
        j, g = _cell(y, self.low[1], self.high[1], self.cells[1])
        c = tf.gather(tf.constant(self.coefficients, x.dtype), i * self.cells[1] + j)
        return _cubic(_cubic(c, g[..., None]), f)
