import keras
import numpy as np
import pytest
import tensorflow as tf

from deltavae.errors import UserError
from deltavae.models import networks


@pytest.mark.parametrize("channels", [1, 3])
def test_convolutional_pair_has_the_size_of_the_study(channels):
    # counted by hand from Locatello et al., table 1: kernels 4x4, 4x4, 2x2, 2x2
    encoder = networks.conv_encoder((64, 64, channels))
    convolutions = (16 * channels * 32 + 32) + (16 * 32 * 32 + 32)
    convolutions += (4 * 32 * 64 + 64) + (4 * 64 * 64 + 64)
    assert encoder.count_params() == convolutions + 1024 * 256 + 256
    decoder = networks.conv_decoder((64, 64, channels), latent_dim=11)
    dense = (11 * 256 + 256) + (256 * 1024 + 1024)
    deconvolutions = (16 * 64 * 64 + 64) + (16 * 64 * 32 + 32)
    deconvolutions += (16 * 32 * 32 + 32) + (16 * 32 * channels + channels)
    assert decoder.count_params() == dense + deconvolutions
    assert decoder.output_shape == (None, 64, 64, channels)


def test_perceptrons_fit_each_other():
    assert networks.mlp_encoder((64, 64, 3)).output_shape == (None, 1200)
    assert networks.mlp_decoder((64, 64, 3), 7).output_shape == (None, 64, 64, 3)


@pytest.mark.parametrize("make", [networks.conv_encoder, networks.mlp_encoder])
def test_other_sizes_are_refused(make):
    with pytest.raises(UserError, match=r"\(32, 32, 3\)"):
        make((32, 32, 3))


@pytest.mark.parametrize("channels", [1, 3, 32])
def test_fast_transposed_convolution_equals_keras(channels):
    draw = np.random.default_rng(0).normal
    inputs = tf.constant(draw(size=(2, 5, 7, 6)).astype(np.float32))
    upstream = tf.constant(draw(size=(2, 10, 14, channels)).astype(np.float32))
    plain = keras.layers.Conv2DTranspose(channels, 4, strides=2, padding="same")
    fast = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(networks.UpConv2D(channels))
    )
    plain.build(inputs.shape)
    fast.build(inputs.shape)
    weights = [draw(size=w.shape) for w in plain.get_weights()]
    found = []
    for layer in (plain, fast):
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
        variables = [inputs, *[w.value for w in layer.weights]]
        found.append([outputs, *tape.gradient(outputs, variables, output_gradients=upstream)])
    for wanted, got in zip(*found, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("kernel", [2, 4])
def test_fast_convolution_equals_keras(kernel, training):
    draw = np.random.default_rng(0).normal
    inputs = tf.constant(draw(size=(2, 10, 14, 3)).astype(np.float32))
    upstream = tf.constant(draw(size=(2, 5, 7, 6)).astype(np.float32))
    same = {"strides": 2, "padding": "same", "activation": "relu"}
    plain = keras.layers.Conv2D(6, kernel, **same)
    fast = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(networks.DownConv2D(6, kernel, activation="relu"))
    )
    plain.build(inputs.shape)
    fast.build(inputs.shape)
    weights = [draw(size=w.shape) for w in plain.get_weights()]
    found = []
    for layer, arguments in ((plain, {}), (fast, {"training": training})):
        layer.set_weights(weights)
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs, **arguments)
        variables = [inputs, *[w.value for w in layer.weights]]
        found.append([outputs, *tape.gradient(outputs, variables, output_gradients=upstream)])
    for wanted, got in zip(*found, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("pair", ["conv", "mlp"])
def test_mixed_precision_rounds_and_leaves_a_float32_network(pair):
    """Same weights: bfloat16 keeps 8 bits of values, and gradients; afterwards not a trace."""
    shape = (64, 64, 3)
    images = tf.random.stateless_uniform([8, *shape], (1, 2))
    networks_of = {
        "conv": (networks.conv_encoder, networks.conv_decoder),
        "mlp": (networks.mlp_encoder, networks.mlp_decoder),
    }
    results = []
    for mixed in (False, True):
        with networks.precision(mixed):
            encoder, decoder = networks_of[pair][0](shape), networks_of[pair][1](shape, 11)
        assert keras.config.dtype_policy().name == "float32"
        if mixed:
            for new, old in zip((encoder, decoder), results[0][0], strict=True):
                new.set_weights(old.get_weights())
        weights = encoder.trainable_variables + decoder.trainable_variables
        assert {w.dtype for w in weights} == {"float32"}
        with tf.GradientTape() as tape:
            features = encoder(images)
            outputs = decoder(tf.cast(features[:, :11], tf.float32))
            loss = tf.reduce_sum(tf.cast(outputs, tf.float32) ** 2)
        assert features.dtype == outputs.dtype == (tf.bfloat16 if mixed else tf.float32)
        results.append(((encoder, decoder), outputs, tape.gradient(loss, weights)))
    (plain, expected, slopes), (mixed, rounded, rounded_slopes) = results
    difference = tf.cast(rounded, tf.float32) - expected
    assert 0 < tf.norm(difference) / tf.norm(expected) < 0.02
    for weight, slope, rounded_slope in zip(weights, slopes, rounded_slopes, strict=True):
        if weight.path.endswith("kernel"):  # those of biases are too coarse on a CPU
            assert tf.norm(rounded_slope - slope) < 0.1 * tf.norm(slope)
    for network in mixed:
        networks.to_float32(network)
    np.testing.assert_array_equal(mixed[0](images), plain[0](images))
    latents = plain[0](images)[:, :11]
    np.testing.assert_array_equal(mixed[1](latents), plain[1](latents))
