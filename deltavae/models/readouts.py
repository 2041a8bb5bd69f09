"""What of the posterior's location is handed out as the code, and along which axes.

Every score of the challenge looks along coordinate axes, but a sphere has none of its own. A
readout picks them, without labels, from the codes of training images, and is part of the
exported module:

* `embedding`: the location itself, as published.
* `aligned`: the location times a fixed orthogonal matrix whose columns are the principal
  directions of the training codes, most variance first, each with its largest entry positive.
* `ica`: the same with an orthogonal matrix whose columns are the directions along which the
  training codes are least Gaussian.
* `angles`: for latent spaces made of circles, the angle on each, in (-pi, pi], cut where the
  density of the training codes is least.

No readout centres the codes: an orthogonal matrix keeps their norm. All of them are made of
operations that TensorFlow 1.13 has.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.models import READOUTS

_GRID = 360  # cells of one degree for the density on a circle
_BANDWIDTH = 10.0  # degrees; smooths over gaps that chance leaves between training codes


@keras.saving.register_keras_serializable(package="deltavae")
class Readout:
    """The identity: the code is the location (`embedding`).

    Args:
        name: one of `READOUTS`.
        norm: the Euclidean norm that every code has, or None where it is not constant.
    """

    def __init__(self, name: str = "embedding", norm: float | None = None) -> None:
        self.name = name
        self.norm = norm

    def __call__(self, codes: Any) -> Any:
        """Codes of shape (batch, k), array or tensor, to the same of shape (batch, m)."""
        return codes

    def get_config(self) -> dict[str, Any]:
        """Plain numbers and lists from which `from_config` makes the readout again."""
        return {"name": self.name, "norm": self.norm}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Readout:
        """The readout that `get_config` described."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="deltavae")
class RotatedReadout(Readout):
    """The location times a fixed orthogonal matrix (`aligned`, `ica`).

    Args:
        name: one of `READOUTS`.
        matrix: orthogonal (k, k); column j holds the direction of the new axis j.
        norm: as for `Readout`; the matrix does not change it.
    """

    def __init__(self, name: str, matrix: Any, norm: float | None = None) -> None:
        super().__init__(name, norm)
        self.matrix = np.asarray(matrix, np.float32)

    def __call__(self, codes: Any) -> Any:
        """Codes of shape (batch, k), array or tensor, along the new axes."""
        return codes @ self.matrix

    def get_config(self) -> dict[str, Any]:
        """As for `Readout`, with the matrix as nested lists."""
        return {**super().get_config(), "matrix": self.matrix.tolist()}


@keras.saving.register_keras_serializable(package="deltavae")
class AngleReadout(Readout):
    """The angle on each of k circles, in (-pi, pi] (`angles`).

    Args:
        name: one of `READOUTS`.
        cuts: k angles in radians, where the angle jumps from pi to -pi.
        norm: None; angles have no fixed norm.
    """

    def __init__(self, name: str, cuts: Any, norm: float | None = None) -> None:
        super().__init__(name, norm)
        self.cuts = np.asarray(cuts, np.float32)

    def __call__(self, codes: Any) -> Any:
        """Codes (batch, 2 k) of pairs (cos, sin), array or tensor, to angles (batch, k)."""
        x, y = codes[:, 0::2], codes[:, 1::2]
        cos, sin = np.cos(self.cuts), np.sin(self.cuts)
        # turned so that the cut lies opposite to the direction of angle 0
        turned_x, turned_y = -(x * cos + y * sin), -(y * cos - x * sin)
        if isinstance(codes, np.ndarray):
            return np.arctan2(turned_y, turned_x)
        return tf.math.atan2(turned_y, turned_x)

    def get_config(self) -> dict[str, Any]:
        """As for `Readout`, with the cuts as a list."""
        return {**super().get_config(), "cuts": self.cuts.tolist()}


def fit_readout(name: str, codes: np.ndarray, manifold: Any = None) -> Readout:
    """Chooses the axes of a readout from the codes of training images.

    Args:
        name: one of `READOUTS`.
        codes: (n, k) `embedding` codes of training images, finite; labels are not used.
        manifold: the latent space, or None where the code is no point of one; it says
            whether all codes have the same norm.

    Returns:
        The readout; the same codes give the same readout.

    Raises:
        UserError: for an unknown name, codes that are not finite, or `angles` asked of a
            latent space that is not made of circles.
    """
    codes = np.asarray(codes, np.float64)
    if name not in READOUTS:
        raise UserError("Unknown readout", expected=f"one of {', '.join(READOUTS)}", received=name)
    num_bad = np.size(codes) - np.isfinite(codes).sum()
    if codes.ndim != 2 or num_bad:
        raise UserError(
            "The codes of the training images cannot be used",
            expected="finite numbers of shape (images, code)",
            received=f"shape {codes.shape}, {num_bad} not finite",
        )
    norm = constant_norm(manifold)
    if name == "aligned":
        return RotatedReadout(name, principal_directions(codes), norm)
    if name == "ica":
        return RotatedReadout(name, independent_directions(codes), norm)
    if name == "angles":
        return AngleReadout(name, [least_dense_angle(angle) for angle in _angles(codes)])
    return Readout(name, norm)


def require_fitting(name: str, manifold: Any) -> None:
    """Raise `UserError` unless that readout can be made of codes on `manifold`."""
    if manifold.is_compact:
        points = manifold.random_uniform((64,), seed=(0, 0), dtype="float32")
    else:
        points = np.random.default_rng(0).normal(size=(64, manifold.ambient_dim))
    fit_readout(name, np.asarray(manifold.embed(points)), manifold)


def constant_norm(manifold: Any) -> float | None:
    """The norm that all points of `manifold` have once embedded; None where they differ."""
    if manifold is None or not manifold.is_compact:
        return None
    points = manifold.random_uniform((64,), seed=(0, 0), dtype="float32")
    norms = np.linalg.norm(np.asarray(manifold.embed(points)), axis=-1)
    return float(np.mean(norms)) if np.ptp(norms) < 1e-4 * np.max(norms) else None


def principal_directions(codes: np.ndarray) -> np.ndarray:
    """Orthogonal (k, k): eigenvectors of the covariance in columns, most variance first."""
    _, vectors = np.linalg.eigh(np.cov(codes, rowvar=False).reshape(codes.shape[1], -1))
    return _with_fixed_signs(vectors[:, ::-1])


def independent_directions(codes: np.ndarray, num_iterations: int = 200) -> np.ndarray:
    """Orthogonal (k, k): the directions found by FastICA with the contrast log cosh.

    Symmetric FastICA (Hyvarinen 1999) on centred codes of unit mean variance, started from the
    principal directions. Whitening is left out, as its scaling would break orthogonality;
    codes spread over a sphere are close to white. Columns are in order of falling variance.
    """
    centred = codes - codes.mean(axis=0)
    centred /= max(float(np.sqrt(np.mean(centred**2))), np.finfo(float).tiny)
    directions = principal_directions(codes)
    for _ in range(num_iterations):
        squashed = np.tanh(centred @ directions)
        update = centred.T @ squashed / len(codes) - directions * np.mean(
            1.0 - squashed**2, axis=0
        )
        left, _, right = np.linalg.svd(update)
        last, directions = directions, left @ right
        if np.max(np.abs(np.abs(np.sum(last * directions, axis=0)) - 1.0)) < 1e-8:
            break
    order = np.argsort(-np.var(centred @ directions, axis=0), kind="stable")
    return _with_fixed_signs(directions[:, order])


def least_dense_angle(angles: np.ndarray) -> float:
    """The angle, in radians, where the smoothed density of `angles` on the circle is least."""
    cells = np.floor(np.mod(angles, 2 * np.pi) * (_GRID / (2 * np.pi))).astype(int) % _GRID
    counts = np.bincount(cells, minlength=_GRID)
    distance = np.minimum(np.arange(_GRID), _GRID - np.arange(_GRID)) * (360.0 / _GRID)
    kernel = np.exp(-0.5 * (distance / _BANDWIDTH) ** 2)
    density = np.fft.irfft(np.fft.rfft(counts) * np.fft.rfft(kernel), _GRID)
    return float((np.argmin(density) + 0.5) * (2 * np.pi / _GRID))


def _angles(codes: np.ndarray) -> np.ndarray:
    """Angles (k, n) of codes (n, 2 k) that are pairs (cos, sin)."""
    width = codes.shape[1]
    pairs = codes[:, : width - width % 2].reshape(len(codes), -1, 2)
    if width % 2 or np.max(np.abs(np.linalg.norm(pairs, axis=-1) - 1.0)) > 1e-3:
        raise UserError(
            "The readout 'angles' needs a latent space made of circles",
            expected="codes that are pairs of a cosine and a sine",
            received=f"codes of width {width} that are not",
            advice="Use FlatTorus, or the readout 'aligned'",
        )
    return np.arctan2(pairs[..., 1], pairs[..., 0]).T


def _with_fixed_signs(directions: np.ndarray) -> np.ndarray:
    largest = np.argmax(np.abs(directions), axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])
