import math

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.manifolds import EmbeddedTorus, FlatTorus, Hypersphere, Product
from deltavae.models.likelihoods import (
    bernoulli_log_likelihood,
    get_likelihood,
    normal_log_likelihood,
)
from deltavae.models.objectives import (
    AnnealedVAEObjective,
    BetaObjective,
    BetaTCVAEObjective,
    CapacityObjective,
    Codes,
    DIPVAEObjective,
    FactorVAEObjective,
)
from deltavae.models.objectives.factor_vae import permute_factors
from deltavae.posteriors import (
    DiffusionPosterior,
    GaussianPosterior,
    PowerSphericalPosterior,
    ProductPosterior,
    VonMisesFisherPosterior,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(3, 8, 8, 2)).astype(np.float32)
OUTPUTS = RNG.normal(size=(3, 8, 8, 2)).astype(np.float32)


def test_normal_log_likelihood_is_the_sum_of_normal_log_densities():
    expected = scipy.stats.norm.logpdf(IMAGES, loc=OUTPUTS).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(normal_log_likelihood(IMAGES, OUTPUTS), expected, rtol=1e-5)


def test_gradient_of_the_normal_log_likelihood():
    """Of -(x - m)^2 / 2: x - m by the mean m and m - x by the image x, times the upstream's."""
    images, outputs, weights = tf.constant(IMAGES), tf.constant(OUTPUTS), tf.constant([1.0, -2, 3])
    with tf.GradientTape() as tape:
        tape.watch([images, outputs])
        total = tf.reduce_sum(weights * normal_log_likelihood(images, outputs))
    by_image, by_mean = tape.gradient(total, [images, outputs])
    expected = weights.numpy()[:, None, None, None] * (IMAGES - OUTPUTS)
    np.testing.assert_allclose(by_mean, expected, rtol=1e-5)
    np.testing.assert_allclose(by_image, -expected, rtol=1e-5)


def test_bernoulli_log_likelihood_is_the_sum_over_pixels():
    binary = (IMAGES > 0.5).astype(np.float32)
    p = 1 / (1 + np.exp(-OUTPUTS.astype(float)))
    expected = scipy.stats.bernoulli.logpmf(binary, p).sum(axis=(1, 2, 3))
    np.testing.assert_allclose(bernoulli_log_likelihood(binary, OUTPUTS), expected, rtol=1e-5)


def codes_of(posterior, batch=12, capacity=5.0, seed=0):
    """Codes of random features, with everything an objective may look at."""
    features = np.random.default_rng(seed).normal(size=(batch, 6)).astype(np.float32)
    if not posterior.built:
        posterior.build((None, 6))
    parameters = posterior(tf.constant(features))
    z = posterior.sample(parameters, tf.constant([seed, 7]))
    kl = posterior.kl(parameters)
    return Codes(
        posterior, parameters, z, kl, tf.constant(capacity), tf.constant([seed, 8], tf.int32)
    )


def penalty(objective, codes):
    objective.build(codes.posterior)
    return objective.terms(codes)["penalty"].numpy()


def test_capacity_penalty():
    posterior = DiffusionPosterior(FlatTorus(2))
    log_time = tf.constant([-3.0, -1.0, posterior.limits[0] + 0.5])[:, None]
    parameters = {"loc": tf.constant([[1.0, 0.0] * 2] * 3), "log_time": log_time}
    kl = tf.constant([3.0, 8.0, 5.0])
    codes = Codes(posterior, parameters, parameters["loc"], kl, tf.constant(5.0), tf.zeros(2))
    np.testing.assert_allclose(
        penalty(CapacityObjective(beta=10.0), codes), [20.0, 30.0, 10.0], atol=1e-4
    )


def test_beta_penalty_ignores_the_capacity():
    codes = codes_of(GaussianPosterior(3), capacity=9.0)
    np.testing.assert_allclose(penalty(BetaObjective(beta=4.0), codes), 4 * codes.kl, rtol=1e-6)


@pytest.mark.parametrize(
    ("space", "times", "objective"),
    [
        (EmbeddedTorus(), "shared", BetaObjective(2.0)),
        (FlatTorus(5), "shared", BetaObjective(2.0)),
        (FlatTorus(2), "per_factor", BetaObjective(2.0)),
        (Hypersphere(1), "shared", BetaObjective(2.0)),
        (FlatTorus(2), "shared", FactorVAEObjective(gamma=0.0, units=4, layers=1)),
    ],
)
def test_equation_3_on_a_flat_space_is_a_penalty_with_a_minimum(space, times, objective):
    """Of itself it falls by half a nat per dimension with each unit of log t, for ever."""
    posterior = DiffusionPosterior(space, "random_walk", "asymptotic", times=times)
    objective.build(posterior)
    log_time = tf.Variable(tf.zeros((1, posterior.sampling.num_times)) - 2.0)
    loc = space.project(tf.ones((1, space.ambient_dim)))

    def slope_at(value):
        log_time.assign(tf.zeros_like(log_time) + value)
        with tf.GradientTape() as tape:
            parameters = {"loc": loc, "log_time": tf.convert_to_tensor(log_time)}
            kl = posterior.kl(parameters)
            codes = Codes(posterior, parameters, loc, kl, tf.constant(0.0), tf.constant([0, 1]))
            found = tf.reduce_sum(objective.terms(codes)["penalty"])
        slope = tape.gradient(found, log_time).numpy().sum()
        return float(found), float(slope), float(kl[0])

    weight = objective.beta
    penalty_before, slope, kl = slope_at(-3.0)
    assert kl > 0
    assert penalty_before == pytest.approx(weight * kl, rel=1e-6)
    assert slope == pytest.approx(-weight * space.dim / 2, rel=1e-5)
    penalty_beyond, slope, kl = slope_at(20.0)
    assert kl < -9
    assert penalty_beyond == pytest.approx(-weight * kl, rel=1e-6)
    assert slope == pytest.approx(weight * space.dim / 2, rel=1e-5)


def test_a_factor_without_use_pays_for_no_other():
    """Equation (3) at -20 nats on one circle and 20 on the other would add up to nothing."""
    posterior = DiffusionPosterior(FlatTorus(2), "random_walk", "asymptotic", times="per_factor")
    zero = math.log(2 * math.pi) - 1  # where (3) is 0: log Vol = (log(2 pi t) + 1) / 2
    log_time = tf.constant([[zero - 40.0, zero + 40.0]])
    parameters = {"loc": tf.constant([[1.0, 0.0] * 2]), "log_time": log_time}
    kl = posterior.kl(parameters)
    codes = Codes(
        posterior, parameters, parameters["loc"], kl, tf.constant(0.0), tf.constant([0, 1])
    )
    assert float(kl[0]) == pytest.approx(0.0, abs=1e-4)
    assert float(penalty(BetaObjective(), codes)[0]) == pytest.approx(40.0, rel=1e-5)


@pytest.mark.parametrize("form", ["exact", "asymptotic"])
@pytest.mark.parametrize("log_time", [-3.0, 1.0])
def test_on_a_sphere_the_beta_penalty_is_the_kl_itself(form, log_time):
    posterior = DiffusionPosterior(Hypersphere(3), "random_walk", form)
    parameters = {
        "loc": tf.constant([[1.0, 0.0, 0.0, 0.0]]),
        "log_time": tf.constant([[log_time]]),
    }
    kl = posterior.kl(parameters)
    codes = Codes(
        posterior, parameters, parameters["loc"], kl, tf.constant(0.0), tf.constant([0, 1])
    )
    np.testing.assert_array_equal(penalty(BetaObjective(), codes), kl)


def test_annealed_vae_takes_the_distance_of_the_mean_kl_and_moves_c_each_step():
    objective = AnnealedVAEObjective(gamma=100.0, c_max=20.0, steps=50)
    codes = codes_of(GaussianPosterior(3), capacity=2.0)
    np.testing.assert_allclose(
        penalty(objective, codes), 100 * abs(codes.kl.numpy().mean() - 2.0), rtol=1e-5
    )
    found = [float(objective.capacity(tf.constant(99.0), step)) for step in (0, 1, 25, 50, 900)]
    np.testing.assert_allclose(found, [0.0, 0.4, 10.0, 20.0, 20.0], rtol=1e-6)


@pytest.mark.parametrize(("kind", "factor"), [("i", 10.0), ("ii", 1.0)])
def test_dip_vae_penalises_the_covariance(kind, factor):
    codes = codes_of(GaussianPosterior(4))
    covariance = np.cov(codes.parameters["loc"].numpy().astype(float).T, bias=True)
    if kind == "ii":
        covariance += np.diag(np.exp(2 * codes.parameters["log_sigma"].numpy()).mean(axis=0))
    gap = (covariance - np.eye(4)) ** 2
    expected = 3.0 * (gap.sum() - np.trace(gap)) + 3.0 * factor * np.trace(gap)
    found = penalty(DIPVAEObjective(3.0, factor, kind), codes) - codes.kl.numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_beta_tcvae_on_a_normal_posterior_is_chens_estimate():
    codes = codes_of(GaussianPosterior(3))
    loc, sigma = (codes.parameters["loc"].numpy(), np.exp(codes.parameters["log_sigma"].numpy()))
    log_q = scipy.stats.norm.logpdf(codes.z.numpy()[:, None], loc[None], sigma[None])  # j, i, l
    joint = np.log(np.exp(log_q.sum(-1)).sum(1))
    marginals = np.log(np.exp(log_q).sum(1)).sum(-1)
    np.testing.assert_allclose(
        penalty(BetaTCVAEObjective(beta=5.0), codes),
        codes.kl.numpy() + 4 * (joint - marginals),
        rtol=1e-4,
    )


PRODUCTS = [
    GaussianPosterior(3),
    DiffusionPosterior(FlatTorus(3)),
    DiffusionPosterior(FlatTorus(3), times="per_factor"),
    DiffusionPosterior(Product([Hypersphere(2), Hypersphere(1), Hypersphere(1)])),
    ProductPosterior([DiffusionPosterior(FlatTorus(2)), GaussianPosterior(2)]),
]
ONE_FACTOR = [
    DiffusionPosterior(Hypersphere(3)),
    VonMisesFisherPosterior(3),
    PowerSphericalPosterior(3),
]


def name_of(posterior):
    return f"{type(posterior).__name__} {posterior.manifold!r}"


@pytest.mark.parametrize("posterior", PRODUCTS + ONE_FACTOR, ids=name_of)
def test_the_kl_is_mutual_information_and_total_correlation_and_marginals(posterior):
    codes = codes_of(posterior, batch=512)
    objective = BetaTCVAEObjective()
    objective.build(posterior)
    terms = objective.terms(codes)
    parts = {name: terms[name].numpy() for name in objective.reports}
    # the closed KL, and its estimate from one sample per image: five standard errors
    total = sum(parts.values())
    error = total.std() / np.sqrt(len(total))
    assert abs(total.mean() - codes.kl.numpy().mean()) < 5 * error
    for values in parts.values():  # a KL each, of samples of their own distributions
        assert values.mean() > -1e-4 - 5 * values.std() / np.sqrt(len(values))
    assert parts["mutual_information"].mean() <= np.log(512)
    if posterior in ONE_FACTOR:
        np.testing.assert_allclose(parts["total_correlation"], 0, atol=1e-3)
    # the factors' densities multiply to that of the whole
    whole = posterior.distribution(codes.parameters).log_prob(codes.z).numpy()
    by_factor = posterior.log_prob_per_factor(codes.parameters, codes.z).numpy()
    assert by_factor.shape == (512, posterior.manifold.num_factors)
    np.testing.assert_allclose(by_factor.sum(-1), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("posterior", PRODUCTS, ids=name_of)
def test_permuted_codes_keep_each_factor_and_lose_their_company(posterior):
    codes = codes_of(posterior, batch=400)
    found = permute_factors(posterior, codes.z, tf.constant([1, 2]))
    ends = np.cumsum([factor.ambient_dim for factor in posterior.manifold.factors])[:-1]
    rows = np.arange(400)
    sources = []
    for a, b in zip(*(np.split(x.numpy(), ends, axis=1) for x in (codes.z, found)), strict=True):
        distance = np.abs(b[:, None] - a[None]).sum(-1)
        sources.append(distance.argmin(axis=1))
        assert (distance.min(axis=1) == 0).all()
        assert (np.sort(sources[-1]) == rows).all()  # a permutation
        assert (sources[-1] == rows).mean() < 0.05
    for i, one in enumerate(sources):
        assert all((one == other).mean() < 0.05 for other in sources[:i])


def test_the_gradients_of_factor_vae_are_those_of_its_two_losses():
    codes, objective = codes_of(GaussianPosterior(4)), FactorVAEObjective(gamma=3.0, units=9)
    objective.build(codes.posterior)
    network, weights = objective.network, objective.network.trainable_variables
    permuted = permute_factors(codes.posterior, codes.z, tf.random.fold_in(codes.seed, 1))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(codes.z)
        found = objective.terms(codes)
        penalty = tf.reduce_sum(found["penalty"])
        real, fake = network(codes.z), network(permuted)
        expected = 3.0 * tf.reduce_sum(real[:, 0] - real[:, 1])
        right = tf.math.log_softmax(real)[:, 0] + tf.math.log_softmax(fake)[:, 1]
        loss = -0.5 * tf.reduce_mean(right)
    np.testing.assert_allclose(
        tape.gradient(penalty, codes.z), tape.gradient(expected, codes.z), rtol=1e-4, atol=1e-6
    )
    np.testing.assert_allclose(tf.reduce_mean(found["discriminator_loss"]), loss, rtol=1e-5)
    for ours, plain in zip(
        found["discriminator_gradients"], tape.gradient(loss, weights), strict=True
    ):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-7)


def test_the_discriminator_learns_the_total_correlation():
    # codes (z, z + noise) of correlation r have TC = -log(1 - r^2) / 2 = 0.83 nat; permuted
    # within the batch they have none
    posterior, objective = GaussianPosterior(2), FactorVAEObjective(gamma=1.0, units=64, layers=2)
    objective.build(posterior)
    objective.optimizer.learning_rate = 3e-3

    @tf.function
    def step(i):
        noise = tf.random.stateless_normal((256, 2), tf.stack([0, i]))
        z = tf.stack([noise[:, 0], 0.9 * noise[:, 0] + np.sqrt(0.19) * noise[:, 1]], axis=1)
        codes = Codes(posterior, {}, z, tf.zeros(256), tf.constant(0.0), tf.stack([1, i]))
        terms = objective.terms(codes)
        objective.step(terms)
        return tf.reduce_mean(terms["total_correlation"])

    estimates = [float(step(tf.constant(i))) for i in range(400)]
    assert abs(estimates[0]) < 0.2
    assert np.mean(estimates[-50:]) == pytest.approx(-np.log(0.19) / 2, abs=0.1)


@pytest.mark.parametrize("objective", [BetaTCVAEObjective, FactorVAEObjective])
def test_a_total_correlation_needs_a_space_where_it_is_known(objective):
    posterior = DiffusionPosterior(EmbeddedTorus(), mode="random_walk", kl="asymptotic")
    with pytest.raises(UserError, match="EmbeddedTorus"):
        objective().build(posterior)


def test_beta_tcvae_needs_exact_samples_and_dip_vae_a_normal_posterior():
    with pytest.raises(UserError, match="walks on"):
        BetaTCVAEObjective().build(DiffusionPosterior(FlatTorus(2), mode="random_walk"))
    with pytest.raises(UserError, match="VonMisesFisherPosterior"):
        DIPVAEObjective().build(VonMisesFisherPosterior(3))


def test_a_weight_without_effect_is_warned_of(caplog):
    BetaTCVAEObjective().build(DiffusionPosterior(Hypersphere(3)))
    assert "BetaTCVAEObjective has no effect" in caplog.text


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (BetaObjective, "beta"),
        (CapacityObjective, "beta"),
        (BetaTCVAEObjective, "beta"),
        (FactorVAEObjective, "gamma"),
        (AnnealedVAEObjective, "gamma"),
        (DIPVAEObjective, "lambda_od"),
    ],
)
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_impossible_weight(objective, name, value):
    with pytest.raises(UserError, match=name):
        objective(**{name: value})


def test_impossible_kind_and_ramp():
    with pytest.raises(UserError, match="one of i, ii"):
        DIPVAEObjective(kind="iii")
    with pytest.raises(UserError, match="steps"):
        AnnealedVAEObjective(steps=0)


def test_unknown_likelihood_names_those_there_are():
    with pytest.raises(UserError, match="one of normal, bernoulli"):
        get_likelihood("gaussian")
