import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.models.objectives import (
    BetaObjective,
    CapacityObjective,
    bernoulli_log_likelihood,
    get_likelihood,
    normal_log_likelihood,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(3, 8, 8, 2)).astype(np.float32)
OUTPUTS = RNG.normal(size=(3, 8, 8, 2)).astype(np.float32)


def test_normal_log_likelihood_is_the_sum_of_normal_log_densities():
    expected = scipy.stats.norm.logpdf(IMAGES, loc=OUTPUTS).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(normal_log_likelihood(IMAGES, OUTPUTS), expected, rtol=1e-5)


def test_bernoulli_log_likelihood_is_the_sum_over_pixels():
    binary = (IMAGES > 0.5).astype(np.float32)
    p = 1 / (1 + np.exp(-OUTPUTS.astype(float)))
    expected = scipy.stats.bernoulli.logpmf(binary, p).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(bernoulli_log_likelihood(binary, OUTPUTS), expected, rtol=1e-5)


def test_capacity_penalty():
    kl, restoring = tf.constant([3.0, 8.0, 5.0]), tf.constant([0.0, 0.0, 0.5])
    penalty = CapacityObjective(beta=10.0).penalty(kl, tf.constant(5.0), restoring)
    np.testing.assert_allclose(penalty, [20.0, 30.0, 10.0])


def test_beta_penalty_ignores_the_capacity():
    penalty = BetaObjective(beta=4.0).penalty(tf.constant([3.0]), tf.constant(9.0), tf.zeros(1))
    np.testing.assert_allclose(penalty, [12.0])


@pytest.mark.parametrize("objective", [BetaObjective, CapacityObjective])
@pytest.mark.parametrize("beta", [-1.0, float("nan"), float("inf")])
def test_impossible_beta(objective, beta):
    with pytest.raises(UserError, match="beta"):
        objective(beta)


def test_unknown_likelihood_names_those_there_are():
    with pytest.raises(UserError, match="normal or bernoulli"):
        get_likelihood("gaussian")
