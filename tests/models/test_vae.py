import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.manifolds import Hypersphere
from deltavae.models.delta_vae import DeltaVAE
from deltavae.models.networks import conv_decoder, conv_encoder
from deltavae.models.objectives import BetaObjective, CapacityObjective
from deltavae.posteriors import DiffusionPosterior, GaussianPosterior

IMAGES = np.random.default_rng(0).integers(0, 256, size=(8, 64, 64, 1), dtype=np.uint8)


def make(posterior=None, objective=None, **kwargs):
    keras.utils.set_random_seed(0)
    posterior = posterior or DiffusionPosterior(Hypersphere(3), mode="random_walk")
    return DeltaVAE(
        conv_encoder((64, 64, 1)),
        posterior,
        conv_decoder((64, 64, 1), posterior.latent_dim),
        objective or CapacityObjective(10.0),
        **kwargs,
    )


def test_bytes_and_floats_are_the_same_images():
    model = make()
    np.testing.assert_allclose(
        model.representation(IMAGES),
        model.representation(IMAGES.astype(np.float32) / 255),
        atol=1e-6,
    )


def test_codes_lie_on_the_sphere():
    np.testing.assert_allclose(np.linalg.norm(make().representation(IMAGES), axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_the_compiled_loss_follows_the_capacity(steps_per_execution):
    # with the weights held still the loss moves by exactly beta |KL - C|
    model = make(objective=CapacityObjective(beta=2.0))
    model.compile(keras.optimizers.SGD(0.0), steps_per_execution=steps_per_execution)
    batch = tf.data.Dataset.from_tensors(tf.constant(IMAGES)).repeat(2)
    seen = []
    for capacity in (0.0, 4.0, 11.0):
        model.capacity.assign(capacity)
        logs = model.fit(batch, verbose=0, shuffle=False).history
        assert logs["capacity"] == [capacity]
        seen.append(logs["loss"][0] - logs["reconstruction"][0])
    assert logs["kl"][0] < 11  # so that |KL - C| = C - KL per image at the last capacity
    kl = model.encode(IMAGES).kl_divergence(model.posterior.prior()).numpy()
    expected = [2.0 * np.abs(kl - c).mean() for c in (0.0, 4.0, 11.0)]
    np.testing.assert_allclose(seen, expected, atol=2e-2)


def test_elbo_is_log_likelihood_minus_kl():
    model = make(objective=BetaObjective(1.0))
    terms = model.losses_per_image(IMAGES, tf.constant([0, 0]), False)
    constant = 64 * 64 * 0.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(
        terms["elbo"], -(terms["reconstruction"] + constant) - terms["kl"], rtol=1e-5
    )
    np.testing.assert_allclose(terms["loss"], terms["reconstruction"] + terms["kl"], rtol=1e-5)


@pytest.mark.parametrize(
    "posterior",
    [DiffusionPosterior(Hypersphere(3), mode="random_walk"), GaussianPosterior(4)],
    ids=["diffusion", "gaussian"],
)
def test_saved_and_loaded_it_is_the_same_model(tmp_path, posterior):
    model = make(posterior)
    model.capacity.assign(3.5)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(again.representation(IMAGES), model.representation(IMAGES))
    np.testing.assert_array_equal(again.sample(2, seed=1), model.sample(2, seed=1))
    assert again.capacity.numpy() == 3.5


def test_the_scale_learns_from_the_decoder_alone():
    model = make()
    with tf.GradientTape() as tape:
        terms = model.losses_per_image(IMAGES, tf.constant([0, 1]), True)
        loss = tf.reduce_mean(terms["reconstruction"])
    gradient = tape.gradient(loss, model.posterior.log_time_head.bias)
    assert abs(gradient.numpy()[0]) > 0
