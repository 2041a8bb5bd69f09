"""Every posterior file: it builds, its scale learns from the decoder, its code is determined."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae import config, gin_files, posteriors
from deltavae.distributions import Diffusion
from deltavae.errors import UserError
from deltavae.manifolds import EmbeddedTorus, Euclidean, FlatTorus, Hypersphere, Product
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior, ProductPosterior

FILES = sorted(path.stem for path in (gin_files.folder() / "posteriors").glob("*.gin"))


def posterior_of(name):
    with config.configured(["gin/base.gin", f"gin/posteriors/{name}.gin"]) as experiment:
        posterior = experiment.model((64, 64, 1)).posterior
    return type(posterior).from_config(posterior.get_config())  # not built yet


def test_a_kl_that_is_not_known_is_refused_before_the_first_step():
    """Not when the folder of a run is there already, or a study of such runs is scheduled."""
    torus = ["DiffusionPosterior.manifold = @EmbeddedTorus()"]
    walk = [*torus, "DiffusionPosterior.mode = 'random_walk'"]
    for bindings in (torus, walk):
        with pytest.raises(
            UserError, match=r'expected mode .*"random_walk".* and kl "asymptotic"'
        ):
            config.check(["gin/base.gin"], bindings)
    config.check(["gin/base.gin"], [*walk, "DiffusionPosterior.kl = 'asymptotic'"])
    product = Product([EmbeddedTorus(), Hypersphere(2)])
    with pytest.raises(UserError, match='received mode "random_walk" and kl "exact"'):
        DiffusionPosterior(product, mode="random_walk", times="per_factor")


@pytest.mark.parametrize("dim", [10, 100, 200])
def test_training_by_equation_3_starts_where_it_still_falls(dim):
    """Its least is at t = 2 / (d - 1): beyond, a step towards a smaller KL narrows q."""
    posterior = DiffusionPosterior(Hypersphere(dim), mode="random_walk", kl="asymptotic")
    posterior.build((None, 4))
    start = float(posterior.log_time_head.bias[0])
    assert start <= math.log(2 / (dim - 1)) + 1e-6
    assert float(posterior.manifold.kl_exact(tf.constant(start))) >= (5.99 if dim == 10 else 6)
    zeros = tf.zeros([1, dim + 1])
    at_start = {"loc": zeros, "log_time": tf.constant([[start]])}
    assert float(posterior.barrier(at_start)[0]) == 0
    assert posterior.kl_floor <= float(posterior.kl(at_start)[0]) + 1e-4


def test_every_posterior_has_a_file():
    public = {n for n in posteriors.__all__ if n.endswith("Posterior") and n != "Posterior"}
    assert {type(posterior_of(name)).__name__ for name in FILES} == public
    assert (gin_files.folder() / "posteriors" / "diffusion_product.gin").exists()


@pytest.mark.parametrize("name", FILES)
def test_scale_and_place_learn_from_the_decoder(name):
    """Without this gradient the scale would follow the KL alone, silently."""
    posterior = posterior_of(name)
    features = tf.random.stateless_normal([16, 12], (0, 1))
    parameters = posterior(features)
    target = tf.random.stateless_normal([16, posterior.latent_dim], (0, 2))

    @tf.function  # as in training: a graph is stricter about dtypes
    def gradients_of_the_decoders_term(parameters):
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            decoded = posterior.embed(posterior.sample(parameters, tf.constant([3, 4])))
            term = tf.reduce_sum((decoded - target) ** 2)
        return decoded, tape.gradient(term, parameters)

    decoded, gradients = gradients_of_the_decoders_term(parameters)
    assert decoded.shape == (16, posterior.latent_dim)
    assert len(parameters) >= 2
    for parameter, gradient in gradients.items():
        assert gradient is not None, parameter
        assert np.all(np.isfinite(gradient)) and float(tf.norm(gradient)) > 1e-3, parameter


@pytest.mark.parametrize("name", ["diffusion_sphere", "gaussian", "power_spherical", "vmf"])
def test_each_knows_whether_xla_compiles_its_sampling(name):
    posterior = posterior_of(name)
    parameters = posterior(tf.random.stateless_normal([4, 12], (0, 1)))
    compiled = tf.function(posterior.sample, jit_compile=True, autograph=False)
    if posterior.has_xla:
        assert np.all(np.isfinite(compiled(parameters, tf.constant([3, 4]))))
    else:
        with pytest.raises(tf.errors.InvalidArgumentError, match="StatelessRandomGamma"):
            compiled(parameters, tf.constant([3, 4]))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("bad", ["features", "weights"])
def test_a_training_that_diverged_is_seen_in_its_terms_and_raises_nothing(name, bad):
    """NaN in every number of one image, or of the heads: eager, and in a graph with gradients."""
    posterior = posterior_of(name)
    features = tf.random.stateless_normal([4, 12], (0, 1))
    posterior(features)
    if bad == "weights":
        for weight in posterior.trainable_variables:
            weight.assign(weight * math.nan)
    else:
        features = tf.concat([features[:1] * math.nan, features[1:]], 0)

    def terms():
        with tf.GradientTape() as tape:
            parameters = posterior(features)
            decoded = posterior.embed(posterior.sample(parameters, tf.constant([3, 4])))
            kl, barrier = posterior.kl(parameters), posterior.barrier(parameters)
            loss = tf.reduce_sum(decoded**2) + tf.reduce_sum(kl) + tf.reduce_sum(barrier)
        tape.gradient(loss, posterior.trainable_variables)
        return decoded, kl, posterior.log_scale(parameters)

    for decoded, kl, scale in (terms(), tf.function(terms)()):
        for value in (decoded, kl, scale):
            assert np.all(np.isnan(value[0]))
            assert bad == "weights" or np.all(np.isfinite(value[1:]))


@pytest.mark.parametrize("name", FILES)
def test_kl_starts_moderate_and_codes_are_determined(name):
    posterior = posterior_of(name)
    features = 0.01 * tf.random.stateless_normal([8, 12], (5, 6))
    parameters = posterior(features)
    kl = posterior.kl(parameters).numpy()
    assert kl.shape == (8,) and np.all(kl >= 0)
    if name != "gaussian":
        assert np.all((kl > 1.5) & (kl < 8))
    assert posterior.barrier(parameters).shape == posterior.log_scale(parameters).shape == (8,)
    np.testing.assert_array_equal(posterior.code(parameters), posterior.code(parameters))
    assert posterior.code(parameters).shape == (8, posterior.code_dim)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(posterior))
    assert again.get_config() == posterior.get_config()


@pytest.mark.parametrize("name", ["vmf", "power_spherical"])
def test_the_barrier_starts_where_the_kl_is_flat(name):
    posterior = posterior_of(name)
    limit = posterior.log_concentration_min
    loc = tf.one_hot([0, 0], 11)
    parameters = {"loc": loc, "log_concentration": tf.constant([limit - 2, limit + 1])}
    np.testing.assert_allclose(posterior.barrier(parameters), [2, 0], atol=1e-5)
    at_limit = {"loc": loc, "log_concentration": tf.fill([2], limit)}
    np.testing.assert_allclose(posterior.kl(at_limit), [0.1, 0.1], rtol=1e-3)


def test_the_short_time_formula_has_its_barrier_at_its_floor():
    """Equation (3) on S^10 is least at t = 2 / 9, where it reads 1.362 nats, and rises again."""
    posterior = DiffusionPosterior(Hypersphere(10), mode="algorithm1", kl="asymptotic")
    floor = math.log(2 / 9)
    log_time = tf.constant([[floor - 1], [floor], [floor + 1.5]])
    parameters = {"loc": tf.one_hot([0, 0, 0], 11), "log_time": log_time}
    np.testing.assert_allclose(posterior.barrier(parameters), [0, 0, 1.5], atol=1e-6)
    kl = posterior.kl(parameters).numpy()
    np.testing.assert_allclose(kl[1], 1.362, atol=5e-4)
    assert kl[0] > kl[1] < kl[2]


@pytest.mark.parametrize("name", FILES)
def test_kl_and_distribution_are_those_of_the_factors(name):
    """The KL is the sum over factors and TFP's of the distribution; samples have its support."""
    posterior = posterior_of(name)
    parameters = posterior(tf.random.stateless_normal([5, 12], (0, 1)))
    each = posterior.kl_per_factor(parameters)
    assert each.shape == (5, posterior.manifold.num_factors)
    np.testing.assert_allclose(tf.reduce_sum(each, -1), posterior.kl(parameters), rtol=1e-6)
    q, prior = posterior.distribution(parameters), posterior.prior()
    np.testing.assert_allclose(q.kl_divergence(prior), posterior.kl(parameters), rtol=1e-5)
    z = posterior.sample(parameters, tf.constant([1, 2]))
    assert z.shape == q.sample(seed=(1, 2)).shape == (5, posterior.manifold.ambient_dim)
    assert np.all(np.isfinite(q.log_prob(z))) and prior.log_prob(z).shape == (5,)


def test_a_mixed_posterior_is_its_parts():
    """Two circles with a time each, and R^6: densities add, and the lines are normal."""
    posterior = posterior_of("mixed")
    parameters = posterior(tf.random.stateless_normal([1, 12], (0, 1)))
    parameters = {name: tf.repeat(value, 20000, 0) for name, value in parameters.items()}
    z = posterior.sample(parameters, tf.constant([1, 2]))
    mean, sigma = parameters["loc"][:, 4:], tf.exp(parameters["log_sigma_1"])
    standard = ((z[:, 4:] - mean) / sigma).numpy()
    # 6 standard errors of 20,000 samples
    assert np.max(np.abs(standard.mean(0))) < 6 / math.sqrt(20000)
    assert np.max(np.abs(standard.var(0) - 1)) < 6 * math.sqrt(2 / 20000)
    circles = Diffusion(
        FlatTorus(2),
        parameters["loc"][:, :4],
        log_diffusion_time=parameters["log_time_0"],
        times="per_factor",
    ).log_prob(z[:, :4])
    lines = -np.sum(standard**2, -1) / 2 - np.sum(np.log(sigma), -1) - 3 * math.log(2 * math.pi)
    np.testing.assert_allclose(
        posterior.distribution(parameters).log_prob(z), circles + lines, rtol=1e-4, atol=1e-3
    )


def test_each_circle_has_a_time_and_a_barrier_of_its_own():
    posterior = posterior_of("circles")
    limit = posterior.manifold.factors[0].log_time_at(0.01)  # a tenth of 0.1 nat for each of ten
    beyond = [-9.0] * 8 + [limit + 0.5, limit + 2.0]
    parameters = {"loc": tf.constant([[1.0, 0.0] * 10]), "log_time": tf.constant([beyond])}
    np.testing.assert_allclose(posterior.barrier(parameters), [2.5], atol=1e-5)
    each = posterior.kl_per_factor(parameters).numpy()[0]
    # a wrapped normal distribution of small variance: log(2 pi) - log(2 pi e t) / 2
    narrow = (math.log(2 * math.pi) - 1 + 9) / 2
    np.testing.assert_allclose(each[0], narrow, rtol=1e-5)
    assert each[8] < 0.01 and each[9] < each[8]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProductPosterior([]), "no parts"),
        (lambda: ProductPosterior([GaussianPosterior]), "no posterior.*brackets"),
        (lambda: DiffusionPosterior(Hypersphere), "needs a latent space.*brackets"),
        (lambda: DiffusionPosterior(Hypersphere(2), times="each"), "one of shared, per_factor"),
        (lambda: DiffusionPosterior(Euclidean(2)), "no uniform distribution"),
    ],
)
def test_impossible_posteriors_say_what_was_expected(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_posteriors_saved_before_there_was_a_time_per_factor_load_with_one():
    """Configurations as they were written then, of a torus and of a product of three spaces."""
    circle = {"module": None, "class_name": "Hypersphere", "config": {"dim": 1}}
    circle["registered_name"] = "deltavae>Hypersphere"
    sphere = circle | {"config": {"dim": 2}}
    for name, config_then, space in (
        ("FlatTorus", {"num_circles": 5}, FlatTorus(5)),
        (
            "Product",
            {"factors": [sphere, circle, circle]},
            Product([Hypersphere(2), Hypersphere(1), Hypersphere(1)]),
        ),
    ):
        manifold = {"module": None, "class_name": name, "config": config_then}
        manifold["registered_name"] = f"deltavae>{name}"
        saved = {"manifold": manifold, "mode": "exact", "kl": "exact", "num_steps": 5}
        posterior = DiffusionPosterior.from_config(saved | {"name": "posterior"})
        assert posterior.manifold == space
        parameters = posterior(tf.zeros([2, 6]))
        assert [tuple(w.shape) for w in posterior.weights] == [
            (6, space.ambient_dim),
            (space.ambient_dim,),
            (6, 1),
            (1,),
        ]
        assert posterior.kl_per_factor(parameters).shape == (2, space.num_factors)
