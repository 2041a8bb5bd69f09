"""What of the posterior's location is handed out as the code, and along which axes.

Every score of the challenge looks along coordinate axes, but a sphere has none of its own. A
readout picks them, without labels, from the codes of training images, and is part of the
exported module:

* `embedding`: the location itself, as published.
* `aligned`: the location times a fixed orthogonal matrix whose columns are the principal
  directions of the training codes, most variance first, each with its largest entry positive.
* `ica`: the same with an orthogonal matrix whose columns are the directions along which the
  training codes are least Gaussian.
* `angles`: per factor of the latent space. Of a circle the angle, in (-pi, pi], cut where the
  density of the training codes is least; lines as they are; of any other space its embedding
  along its own principal directions.
* `principal`: of each factor one number, along the principal direction of its embedding.
* `angles_active`, `principal_active`: the same of those factors only whose mean KL on training
  images is at least `ACTIVE_NATS`.

No readout centres the codes: an orthogonal matrix keeps their norm. All of them are made of
operations that TensorFlow 1.13 has.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError, unknown_name
from deltavae.manifolds import Manifold
from deltavae.models import READOUTS

ACTIVE_NATS = 0.5
"""Mean KL in nats from which a factor is active: log 2 = 0.69 tell two values apart."""

Codes = list[dict[str, Any]]
"""What each code is: `factor`, its factor's number or None for all of them together, and `kind`:
`coordinate` of the embedding, `direction` in it, `angle` or `line`."""

_GRID = 360  # cells of one degree for the density on a circle
_BANDWIDTH = 10.0  # degrees; smooths over gaps that chance leaves between training codes


@keras.saving.register_keras_serializable(package="deltavae")
class Readout:
    """The identity: the code is the location (`embedding`).

    Args:
        name: one of `READOUTS`.
        norm: the Euclidean norm that every code has, or None where it is not constant.
        codes: what each code is; None where the latent space is not known.
    """

    def __init__(
        self, name: str = "embedding", norm: float | None = None, codes: Codes | None = None
    ) -> None:
        self.name = name
        self.norm = norm
        self.codes = codes

    def __call__(self, codes: Any) -> Any:
        """Codes of shape (batch, k), array or tensor, to the same of shape (batch, m)."""
        return codes

    def get_config(self) -> dict[str, Any]:
        """Plain numbers and lists from which `from_config` makes the readout again."""
        return {"name": self.name, "norm": self.norm, "codes": self.codes}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Readout:
        """Rebuild from `get_config`."""
        return cls(**config)


@keras.saving.register_keras_serializable(package="deltavae")
class RotatedReadout(Readout):
    """The location times a fixed orthogonal matrix (`aligned`, `ica`).

    Args:
        name: one of `READOUTS`.
        matrix: orthogonal (k, k); column j holds the direction of the new axis j.
        norm: as for `Readout`; the matrix does not change it.
        codes: as for `Readout`.
    """

    def __init__(
        self, name: str, matrix: Any, norm: float | None = None, codes: Codes | None = None
    ) -> None:
        super().__init__(name, norm, codes)
        self.matrix = np.asarray(matrix, np.float32)

    @override
    def __call__(self, codes: Any) -> Any:
        return codes @ self.matrix

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "matrix": self.matrix.tolist()}


@keras.saving.register_keras_serializable(package="deltavae")
class FactorReadout(Readout):
    """Some numbers of each factor of the latent space, one after the other.

    Args:
        name: one of `READOUTS`.
        parts: one for each factor that is read: `start` and `stop` of its embedding in the
            codes, and either `cut`, an angle in radians where the angle of a circle jumps from
            pi to -pi, or `matrix`, directions in columns, or neither, for the embedding itself.
        norm: None: such codes have no fixed norm.
        codes: as for `Readout`.
    """

    def __init__(
        self,
        name: str,
        parts: Sequence[dict[str, Any]],
        norm: float | None = None,
        codes: Codes | None = None,
    ) -> None:
        super().__init__(name, norm, codes)
        self.parts = list(parts)

    @override
    def __call__(self, codes: Any) -> Any:
        # All angles at once and all linear parts as one product: TensorFlow 1.13 computes other
        # numbers where each circle has slices and an atan2 of its own.
        circles = [part for part in self.parts if "cut" in part]
        linear = self._block(int(codes.shape[-1]))
        if not circles:
            return codes @ linear
        is_array = isinstance(codes, np.ndarray)
        starts = np.array([part["start"] for part in circles])
        x = codes[:, starts] if is_array else tf.gather(codes, starts, axis=1)
        y = codes[:, starts + 1] if is_array else tf.gather(codes, starts + 1, axis=1)
        cuts = np.array([part["cut"] for part in circles], np.float32)
        # turned so that the cut lies opposite to the direction of angle 0
        turned_x = -(x * np.cos(cuts) + y * np.sin(cuts))
        turned_y = -(y * np.cos(cuts) - x * np.sin(cuts))
        angles = np.arctan2(turned_y, turned_x) if is_array else tf.math.atan2(turned_y, turned_x)
        if not linear.shape[1]:
            return angles
        order = self._order()
        if is_array:
            return np.concatenate([angles, codes @ linear], 1)[:, order]
        return tf.gather(tf.concat([angles, codes @ linear], 1), order, axis=1)

    def _block(self, width: int) -> np.ndarray:
        """The linear parts side by side as one matrix, float32 (width, columns)."""
        columns = []
        for part in self.parts:
            if "cut" in part:
                continue
            size = part["stop"] - part["start"]
            matrix = np.asarray(part.get("matrix", np.eye(size)), np.float32)
            block = np.zeros((width, matrix.shape[1]), np.float32)
            block[part["start"] : part["stop"]] = matrix
            columns.append(block)
        return np.concatenate(columns, 1) if columns else np.zeros((width, 0), np.float32)

    def _order(self) -> np.ndarray:
        """Where each column of the result stands among the angles followed by the linear parts."""
        angle, linear, order = 0, sum("cut" in part for part in self.parts), []
        for part in self.parts:
            if "cut" in part:
                order.append(angle)
                angle += 1
            else:
                size = part["stop"] - part["start"]
                count = np.shape(part["matrix"])[1] if "matrix" in part else size
                order += range(linear, linear + count)
                linear += count
        return np.array(order)

    @override
    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "parts": self.parts}


@keras.saving.register_keras_serializable(package="deltavae")
class AngleReadout(FactorReadout):
    """The name under which older saved models hold a `FactorReadout` of circles alone."""

    @classmethod
    @override
    def from_config(cls, config: dict[str, Any]) -> Readout:
        parts = [
            {"start": 2 * i, "stop": 2 * i + 2, "cut": cut} for i, cut in enumerate(config["cuts"])
        ]
        codes = [{"factor": i, "kind": "angle"} for i in range(len(parts))]
        return FactorReadout(config["name"], parts, codes=codes)


def fit_readout(
    name: str,
    codes: np.ndarray,
    manifold: Manifold | None = None,
    kl_per_factor: Sequence[float] | None = None,
) -> Readout:
    """Choose the axes of a readout from the codes of training images.

    Args:
        name: one of `READOUTS`.
        codes: (n, k) `embedding` codes of training images, finite; labels are not used.
        manifold: the latent space. It may be None for `embedding`, `aligned` and `ica`, where
            it says whether all codes have the same norm and what each of them is.
        kl_per_factor: mean KL of each of its factors on training images, nats; asked for by
            the readouts of active factors only.

    Returns:
        The readout; the same codes give the same readout.

    Raises:
        UserError: for an unknown name, codes that are not finite, `angles` of a latent space
            without circles, or no active factor.
    """
    codes = np.asarray(codes, np.float64)
    if name not in READOUTS:
        raise unknown_name("unknown readout", name, READOUTS)
    num_bad = np.size(codes) - np.isfinite(codes).sum()
    if codes.ndim != 2 or num_bad:
        raise UserError(
            "the codes of the training images cannot be used",
            expected="finite numbers of shape (images, code)",
            received=f"shape {codes.shape}, {num_bad} not finite",
        )
    norm = constant_norm(manifold)
    factors = () if manifold is None else manifold.factors
    if name in ("aligned", "ica"):
        directions = principal_directions if name == "aligned" else independent_directions
        factor = 0 if len(factors) == 1 else None
        known: Codes = [{"factor": factor, "kind": "direction"} for _ in range(codes.shape[1])]
        return RotatedReadout(name, directions(codes), norm, known)
    if name == "embedding":
        known = [
            {"factor": i, "kind": "coordinate"}
            for i, factor in enumerate(factors)
            for _ in range(factor.embedding_dim)
        ]
        return Readout(name, norm, known or None)
    return _fit_factors(name, codes, manifold, kl_per_factor)


def _fit_factors(
    name: str,
    codes: np.ndarray,
    manifold: Manifold | None,
    kl_per_factor: Sequence[float] | None,
) -> Readout:
    kinds = [] if manifold is None else [factor.code_kind for factor in manifold.factors]
    if manifold is None or (name.startswith("angles") and "circle" not in kinds):
        raise UserError(
            f"the readout {name!r} needs a latent space with circles"
            if manifold is not None
            else f"the readout {name!r} needs the latent space that the codes are of",
            expected="circles among its factors, such as FlatTorus"
            if manifold is not None
            else "a run, which has it (--run_dir)",
            received=repr(manifold) if manifold is not None else "codes without one",
            advice="Use gin/posteriors/circles.gin, or the readout 'aligned'."
            if manifold is not None
            else "In a file of codes, the array `circles` says which codes hold an angle.",
        )
    active: Sequence[int] = range(len(kinds))
    if name.endswith("_active"):
        active = _active_factors(name, manifold, kl_per_factor)
    ends = np.cumsum([factor.embedding_dim for factor in manifold.factors])
    parts, known = [], []
    for i in active:
        part: dict[str, Any] = {"stop": int(ends[i])}
        part["start"] = part["stop"] - manifold.factors[i].embedding_dim
        own, kind = codes[:, part["start"] : part["stop"]], kinds[i]
        if kind == "vector" or (kind == "circle" and name.startswith("principal")):
            directions = principal_directions(own)
            directions = directions[:, :1] if name.startswith("principal") else directions
            part["matrix"] = directions.astype(np.float32).tolist()
            known += [{"factor": i, "kind": "direction"}] * directions.shape[1]
        elif kind == "circle":
            part["cut"] = least_dense_angle(np.arctan2(own[:, 1], own[:, 0]))
            known.append({"factor": i, "kind": "angle"})
        else:
            known.append({"factor": i, "kind": "line"})
        parts.append(part)
    return FactorReadout(name, parts, codes=known)


def _active_factors(
    name: str, manifold: Manifold, kl_per_factor: Sequence[float] | None
) -> Sequence[int]:
    if manifold.num_factors < 2:
        raise UserError(
            f"the readout {name!r} needs a latent space with several factors",
            expected="a product, such as FlatTorus, of whose factors some can be left out",
            received=repr(manifold),
        )
    if kl_per_factor is None or len(kl_per_factor) != manifold.num_factors:
        raise UserError(
            f"the readout {name!r} needs the mean KL of each factor",
            expected=f"{manifold.num_factors} numbers of nats, kl_per_factor in history.json",
            received="none" if kl_per_factor is None else len(kl_per_factor),
        )
    active = [i for i, kl in enumerate(kl_per_factor) if kl >= ACTIVE_NATS]
    if not active:
        raise UserError(
            f"the readout {name!r} would leave no code: no factor of the latent space is active",
            expected=f"a mean KL of at least {ACTIVE_NATS} nats",
            received=", ".join(f"{kl:.2f}" for kl in kl_per_factor),
            advice="Choose another readout, or a larger capacity.stop.",
        )
    return active


def require_fitting(name: str, manifold: Manifold, capacity: float | None = None) -> None:
    """Raise `UserError` unless that readout can be made of codes on `manifold`.

    `capacity` is the KL in nats to which training holds the whole space, None for no such
    bound: with less than `ACTIVE_NATS` no factor can be active.
    """
    if name.endswith("_active") and capacity is not None and capacity < ACTIVE_NATS:
        raise UserError(
            f"the readout {name!r} would leave no code: no factor can be active",
            expected=f"a final C (capacity.stop, or the objective's own) >= {ACTIVE_NATS} nat, "
            "from which a factor is active",
            received=capacity,
        )
    fit_readout(name, _some_codes(manifold), manifold, [ACTIVE_NATS] * manifold.num_factors)


def constant_norm(manifold: Manifold | None) -> float | None:
    """The norm that all points of `manifold` have once embedded; None where they differ."""
    if manifold is None or not manifold.is_compact:
        return None
    norms = np.linalg.norm(_some_codes(manifold), axis=-1)
    return float(np.mean(norms)) if np.ptp(norms) < 1e-4 * np.max(norms) else None


def _some_codes(manifold: Manifold) -> np.ndarray:
    noise = tf.random.stateless_normal([64, manifold.ambient_dim], seed=(0, 0))
    return manifold.embed(manifold.project(noise)).numpy()


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
    from sklearn.decomposition import fastica  # half a second, for this readout alone
    from sklearn.exceptions import ConvergenceWarning

    centred = codes - codes.mean(axis=0)
    centred /= max(float(np.sqrt(np.mean(centred**2))), np.finfo(float).tiny)
    with warnings.catch_warnings():
        # then what `num_iterations` have found is taken
        warnings.simplefilter("ignore", ConvergenceWarning)
        _, rows, _ = fastica(
            centred,
            whiten=False,
            w_init=principal_directions(codes).T,
            max_iter=num_iterations,
            tol=1e-8,
        )
    directions = rows.T
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


def _with_fixed_signs(directions: np.ndarray) -> np.ndarray:
    largest = np.argmax(np.abs(directions), axis=0)
    return directions * np.sign(directions[largest, np.arange(directions.shape[1])])
