"""What a trained model says of itself without labels: ELBO, information, codes."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from deltavae.data import GroundTruthData
from deltavae.data.batches import BATCH_SIZE, map_batches
from deltavae.data.subset import Subset, split
from deltavae.errors import UserError
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.diagnostics import (
    decoder_jacobian,
    distance_to_orthogonality,
    order_errors,
    winding_number,
)
from deltavae.models.readouts import fit_readout

NUM_PROBES = 2048
"""Images on which models of one data set are compared."""
NUM_JACOBIANS = 32
"""Images at which the decoder is differentiated."""


def probe_indices(data: GroundTruthData | Subset, number: int) -> np.ndarray:
    """The images on which models of one data set are compared: the same for every model."""
    return np.random.RandomState(0).randint(data.num_images, size=number)


def measure(
    model: DeltaVAE, data: GroundTruthData, holdout: float = 0.0, number: int = NUM_PROBES
) -> dict[str, float]:
    """Terms of the objective, in nats per image, with one draw of q(z|x) for each image.

    `information` is what the drawn samples carry, KL(q(z|x) | prior) with the exact kernel at
    the time that the walk really takes; it differs from `kl`, the form trained with, for
    Algorithm 1 as printed and for the short-time formula. `elbo` is the log-likelihood minus
    the information, so that the forms are on one scale; unlike `elbo` in a run's history
    it leaves out the constant of the likelihood. With `holdout`, the
    fraction of images that was not trained on, `held_out_elbo`, `held_out_reconstruction` and
    `held_out_information` are the same on those.

    `distance_to_orthogonality` is the mean DtO of the decoder along the code's axes, where the
    code has axes. Of a dataset whose only factor is periodic, with a circle or a line for the
    latent space, the images in order are a closed path of codes: `winding_number` is how often
    it goes round (0 on a line), without its sign, and `order_errors` how many of its steps go
    against the others (`deltavae.models.diagnostics`).
    """
    means = _means(model, data, number)
    result = {
        "elbo": -means["reconstruction"] - means["information"],
        "reconstruction": means["reconstruction"],
        "kl": means["kl"],
        "information": means["information"],
        "log_scale": means["log_scale"],
    }
    if holdout:
        held_out = _means(model, split(data, holdout)[1], number)
        result["held_out_elbo"] = -held_out["reconstruction"] - held_out["information"]
        for name in ("reconstruction", "information"):
            result[f"held_out_{name}"] = held_out[name]
    manifold = model.posterior.manifold
    if manifold.embedding_dim == manifold.ambient_dim:
        images = data.images(np.unique(probe_indices(data, NUM_JACOBIANS)))
        jacobian = decoder_jacobian(model, images)
        result["distance_to_orthogonality"] = float(distance_to_orthogonality(jacobian).mean())
    if len(data.periodic) == data.num_factors == 1 and manifold.code_kind in ("circle", "line"):
        result |= _closed_path(model, data)
    return result


def _closed_path(model: DeltaVAE, data: GroundTruthData) -> dict[str, float]:
    order = np.argsort(data.angles(data.factor_names[0]))
    codes = map_batches(lambda batch: model.embedding(batch).numpy(), data, order)
    if model.posterior.manifold.code_kind == "line":
        return {"winding_number": 0, "order_errors": order_errors(codes[:, 0], closed=False)}
    angles = np.arctan2(codes[:, 1], codes[:, 0])
    turns = abs(winding_number(angles))
    return {"winding_number": turns, "order_errors": order_errors(angles, closed=True)}


def _means(model: DeltaVAE, data: GroundTruthData | Subset, number: int) -> dict[str, float]:
    indices = probe_indices(data, number)
    sums: dict[str, float] = {}
    for start in range(0, number, BATCH_SIZE):
        images = data.images(indices[start : start + BATCH_SIZE])
        terms = model.losses_per_image(images, tf.constant([0, start]), training=False)
        terms["information"] = model.posterior.information(model.parameters(images))
        del terms["kl_per_factor"]
        for name, values in terms.items():
            sums[name] = sums.get(name, 0.0) + float(tf.reduce_sum(values))
    return {name: value / number for name, value in sums.items()}


def codes_by_readout(
    model: DeltaVAE,
    data: GroundTruthData,
    readouts: Sequence[str],
    kl_per_factor: Sequence[float] | None = None,
    number: int = NUM_PROBES,
) -> dict[str, np.ndarray]:
    """Codes (number, k), float32, of the probe images under each readout that the model has.

    A readout that the latent space has no meaning for (angles of a sphere, active factors where
    there is one factor or none is active) is left out; the embedding is always there.
    `kl_per_factor` is the last row's of the run's history.
    """
    indices = probe_indices(data, number)
    embedding = map_batches(lambda batch: model.embedding(batch).numpy(), data, indices)
    result = {}
    for name in readouts:
        try:
            readout = fit_readout(name, embedding, model.posterior.manifold, kl_per_factor)
        except UserError:
            if name in ("embedding", "aligned", "ica"):
                raise
        else:
            result[name] = readout(embedding)
    return result
