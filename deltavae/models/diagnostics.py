"""What can be said of a model without labels: paths of codes, and axes that the decoder keeps."""

import numpy as np
import tensorflow as tf
from scipy import optimize

from deltavae.errors import UserError
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.readouts import FactorReadout, RotatedReadout


def winding_number(angles: np.ndarray) -> int:
    """Count how often a closed path of angles goes round the circle.

    Args:
        angles: radians (n,), one per image in the order in which they follow each other; the
            last is followed by the first. Steps are taken the shorter way.

    Returns:
        Whole turns, negative where the path goes clockwise.
    """
    return round(float(np.sum(_steps(angles))) / (2 * np.pi))


def order_errors(path: np.ndarray, closed: bool) -> int:
    """Count the steps of a path of codes that do not go the way that most steps go.

    Args:
        path: codes (n,), n >= 3, of images in the order in which they follow each other, the
            last followed by the first.
        closed: whether the codes are angles in radians, on a circle. On a line one step at
            least is an error, since a path that comes round again has to go back.

    Returns:
        0, for codes in perfect order round a circle, to half of n. A step of no length is an
        error.
    """
    steps = _steps(path) if closed else np.diff(path, append=path[:1])
    return len(steps) - int(max(np.sum(steps > 0), np.sum(steps < 0)))


def _steps(angles: np.ndarray) -> np.ndarray:
    steps = np.diff(angles, append=np.asarray(angles)[:1])
    return np.mod(steps + np.pi, 2 * np.pi) - np.pi


def distance_to_orthogonality(jacobian: np.ndarray) -> np.ndarray:
    """DtO (Rolinek, Zietlow, Martius, CVPR 2019): do the axes of the code move independently?

    With J = U S V^T, it is |V - P|_F, P being the signed permutation nearest to V: 0 where the
    columns of J are orthogonal, so that each axis of the code changes the image in a way of its
    own. Where singular values are equal, V is not unique and neither is DtO.

    Args:
        jacobian: (..., pixels, codes), pixels >= codes, finite.

    Returns:
        (...), each >= 0; for V drawn at random it grows like the root of 2 codes.
    """
    flat = np.asarray(jacobian, np.float64).reshape(-1, *np.shape(jacobian)[-2:])
    found = []
    for one in flat:
        vectors = np.linalg.svd(one, full_matrices=False)[2].T
        rows, columns = optimize.linear_sum_assignment(-np.abs(vectors))
        nearest = np.zeros_like(vectors)
        nearest[rows, columns] = np.sign(vectors[rows, columns])
        found.append(np.linalg.norm(vectors - nearest))
    return np.reshape(found, np.shape(jacobian)[:-2])


def decoder_jacobian(model: DeltaVAE, images: np.ndarray) -> np.ndarray:
    """Differentiate decoded images along the axes of the code.

    An axis of the code is the direction in the latent space in which that code alone grows: the
    readout's own, along the manifold.

    Args:
        model: with the readout whose axes are meant.
        images: (n, height, width, channels).

    Returns:
        (n, pixels, codes), at the location of each image.

    Raises:
        UserError: points of the latent space are no codes, as on quotients such as SO(3).
    """
    manifold = model.posterior.manifold
    if manifold.embedding_dim != manifold.ambient_dim:
        raise UserError(
            "the code has no axes in this latent space",
            expected="a space whose points are what the decoder sees",
            received=repr(manifold),
        )
    loc = model.parameters(images)["loc"]
    columns = []
    for direction in _directions(model, loc.numpy()):
        with tf.autodiff.ForwardAccumulator(loc, tf.constant(direction, loc.dtype)) as accumulator:
            decoded = model.decode(manifold.project(loc))
        columns.append(accumulator.jvp(decoded).numpy().reshape(len(loc), -1))
    return np.stack(columns, axis=-1)


def _directions(model: DeltaVAE, loc: np.ndarray) -> list[np.ndarray]:
    """One array (n, ambient_dim) per code: where it grows at each location."""
    width, readout = loc.shape[-1], model.readout
    if isinstance(readout, RotatedReadout):
        return [np.tile(column, (len(loc), 1)) for column in readout.matrix.T]
    if not isinstance(readout, FactorReadout):
        return [np.tile(column, (len(loc), 1)) for column in np.eye(width)]
    found = []
    for part in readout.parts:
        start, stop = part["start"], part["stop"]
        if "cut" in part:  # the angle grows anticlockwise
            own = np.stack([-loc[:, start + 1], loc[:, start]], axis=-1)[..., None]
        else:
            own = np.asarray(part.get("matrix", np.eye(stop - start)))[None]
        for column in range(own.shape[-1]):
            direction = np.zeros_like(loc)
            direction[:, start:stop] = own[..., column]
            found.append(direction)
    return found
