"""beta-TCVAE: the total correlation of the codes, estimated within the batch, is weighted."""

import keras
import tensorflow as tf
from typing_extensions import override

from deltavae.errors import UserError
from deltavae.models.objectives.base import (
    Codes,
    Objective,
    bounded_kl,
    check_weight,
    require_total_correlation,
    whole_batch,
)
from deltavae.posteriors import Posterior


@keras.saving.register_keras_serializable("deltavae")
class BetaTCVAEObjective(Objective):
    """beta-TCVAE: loss = -log p(x|z) + KL + (beta - 1) TC.

    Chen et al., Isolating Sources of Disentanglement (arXiv 1802.04942), equation (4) with
    alpha = gamma = 1. On a latent space that is a product of factors z_l (coordinates of R^d,
    circles of a torus, parts of a `Product`), the mean KL to the prior is the sum of

        mutual information   E log q(z|x) - log q(z)
        total correlation    E log q(z) - sum_l log q(z_l)
        marginals            E sum_l log q(z_l) - log p(z_l)

    q(z) is estimated by the images of the batch, q(z) ~ sum_i q(z|x_i) / batch. The loss takes
    the total correlation as disentanglement_lib does, without the constant
    (num_factors - 1) log(batch), which moves nothing; the history has all three parts, with it.

    Args:
        beta: weight of the total correlation, >= 0; 1 is minus the ELBO.
    """

    reports = ("mutual_information", "total_correlation", "marginal_kl")
    has_capacity = False
    smallest_batch = 2

    def __init__(self, beta: float = 4.0) -> None:
        self.beta = check_weight("beta", beta)

    @override
    def build(self, posterior: Posterior) -> None:
        require_total_correlation(self, posterior)
        if not posterior.has_density:
            raise UserError(
                "BetaTCVAEObjective needs the density of the codes, which is not known for "
                "samples of a walk",
                expected='DiffusionPosterior.mode = "exact"',
                received=f"walks on {posterior.manifold!r}",
            )

    @override
    def terms(self, codes: Codes) -> dict[str, tf.Tensor]:
        posterior = codes.posterior
        log_density = log_densities(codes)
        num_factors = log_density.shape[-1]
        log_own = tf.reduce_sum(posterior.log_prob_per_factor(codes.parameters, codes.z), axis=-1)
        log_prior = posterior.prior().log_prob(codes.z)
        log_joint = tf.reduce_logsumexp(tf.reduce_sum(log_density, axis=-1), axis=1)
        log_marginals = tf.reduce_sum(tf.reduce_logsumexp(log_density, axis=1), axis=-1)
        log_batch = tf.math.log(tf.cast(tf.shape(log_density)[1], tf.float32))
        correlation = log_joint - log_marginals
        return {
            "penalty": bounded_kl(codes) + (self.beta - 1.0) * correlation,
            "mutual_information": log_own - log_joint + log_batch,
            "total_correlation": correlation + (num_factors - 1) * log_batch,
            "marginal_kl": log_marginals - num_factors * log_batch - log_prior,
        }

    @override
    def get_config(self) -> dict[str, float]:
        return {"beta": self.beta}


def log_densities(codes: Codes) -> tf.Tensor:
    """Return log q(z_l|x) of every sample under every image's posterior, factor by factor.

    Returns:
        (rows, batch, num_factors) in nats: of this replica's samples z, under the posteriors of
        the whole batch, for the factors z_l of the latent space.
    """
    parameters = {name: whole_batch(values) for name, values in codes.parameters.items()}
    return codes.posterior.log_prob_per_factor(parameters, codes.z[:, None])
