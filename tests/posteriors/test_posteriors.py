"""Every posterior file: it builds, its scale learns from the decoder, its code is determined."""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae import config, gin_files, posteriors
from deltavae.manifolds import Hypersphere
from deltavae.posteriors import DiffusionPosterior

FILES = sorted(path.stem for path in (gin_files.folder() / "posteriors").glob("*.gin"))


def posterior_of(name):
    with config.configured(["gin/base.gin", f"gin/posteriors/{name}.gin"]) as experiment:
        posterior = experiment.model((64, 64, 1)).posterior
    return type(posterior).from_config(posterior.get_config())  # not built yet


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
