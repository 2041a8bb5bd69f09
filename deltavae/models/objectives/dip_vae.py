"""DIP-VAE-I and DIP-VAE-II: the covariance of the codes is pulled towards the identity."""

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError, unknown_name
from deltavae.models.objectives.base import Codes, Objective, check_weight, whole_batch
from deltavae.posteriors import GaussianPosterior, Posterior

KINDS = ("i", "ii")


@keras.saving.register_keras_serializable("deltavae")
class DIPVAEObjective(Objective):
    """DIP-VAE: loss = -log p(x|z) + KL + lambda_od |off-diagonal|^2 + lambda_d |diagonal - 1|^2.

    Kumar et al., Variational Inference of Disentangled Latent Concepts (ICLR 2018), equations
    (6) and (7), estimated on a batch as disentanglement_lib does. The matrix is the covariance
    of the posterior's means over the batch (kind `i`), or of the codes themselves, which adds
    the mean of the posterior's variances (kind `ii`).

    Args:
        lambda_od: weight of the squares of the entries off the diagonal, >= 0.
        lambda_d_factor: `lambda_d` is that times `lambda_od`; 10 for `i` and 1 for `ii` in
            Locatello et al. (arXiv 1811.12359).
        kind: `i` or `ii`.
    """

    reports = ("covariance_penalty",)
    has_capacity = False
    smallest_batch = 2

    def __init__(
        self, lambda_od: float = 5.0, lambda_d_factor: float = 10.0, kind: str = "i"
    ) -> None:
        self.lambda_od = check_weight("lambda_od", lambda_od)
        self.lambda_d_factor = check_weight("lambda_d_factor", lambda_d_factor)
        if kind not in KINDS:
            raise unknown_name("unknown kind of DIP-VAE", kind, KINDS)
        self.kind = kind

    @override
    def build(self, posterior: Posterior) -> None:
        if not isinstance(posterior, GaussianPosterior):
            raise UserError(
                "DIPVAEObjective compares the covariance of the codes with the identity, which "
                "codes on a closed latent space do not have",
                expected="GaussianPosterior",
                received=f"{type(posterior).__name__} on {posterior.manifold!r}",
            )

    @override
    def terms(self, codes: Codes) -> dict[str, tf.Tensor]:
        mean = whole_batch(codes.parameters["loc"])
        mean -= tf.reduce_mean(mean, axis=0)
        covariance = tf.matmul(mean, mean, transpose_a=True)
        covariance /= tf.cast(tf.shape(mean)[0], tf.float32)
        if self.kind == "ii":
            variance = tf.exp(2.0 * whole_batch(codes.parameters["log_sigma"]))
            covariance += tf.linalg.diag(tf.reduce_mean(variance, axis=0))
        diagonal = tf.linalg.diag_part(covariance)
        off_diagonal = covariance - tf.linalg.diag(diagonal)
        penalty = self.lambda_od * (
            tf.reduce_sum(off_diagonal**2)
            + self.lambda_d_factor * tf.reduce_sum((diagonal - 1.0) ** 2)
        )
        return {"penalty": codes.kl + penalty, "covariance_penalty": penalty}

    @override
    def get_config(self) -> dict[str, float | str]:
        return {
            "lambda_od": self.lambda_od,
            "lambda_d_factor": self.lambda_d_factor,
            "kind": self.kind,
        }
