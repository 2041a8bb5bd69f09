"""Encoders and decoders for 64x64 images.

Architectures of the field's standard study (Locatello et al., arXiv 1811.12359, table 1):
the convolutional pair is the one most of its users train, the perceptrons are its
fully connected pair. All layers have explicit names, so that exports compare.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from deltavae.errors import UserError


@keras.saving.register_keras_serializable("deltavae")
class DownConv2D(layers.Conv2D):
    """Conv2D of stride 2 and same padding, whose bias costs little in training.

    The same weights and values as its parent; the bias has the gradient of `_add_bias`.

    Args:
        filters: number of output channels.
        kernel_size: width of the square kernel.
        activation: as of any layer.
        name: as of any layer.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        activation: str | None = None,
        **kwargs: Any,
    ) -> None:
        fixed = {"strides": (2, 2), "padding": "same"}
        super().__init__(filters, kernel_size, activation=activation, **(kwargs | fixed))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(batch, 2h, 2w, channels) to (batch, h, w, filters)."""
        if not training:  # in the parent's operations, which are those of an exported model
            return super().call(inputs)
        outputs = tf.nn.conv2d(inputs, tf.convert_to_tensor(self.kernel), 2, "SAME")
        return self.activation(_add_bias(outputs, tf.convert_to_tensor(self.bias)))


@keras.saving.register_keras_serializable("deltavae")
class UpConv2D(layers.Conv2DTranspose):
    """Conv2DTranspose of kernel 4, stride 2 and same padding, faster in training.

    The same weights and values as its parent, to rounding. The bias has the gradient of
    `_add_bias`. On a CPU the library's transposed convolution takes six times as long as its
    operations need when it makes an image of one or three channels. For few channels each output
    pixel is therefore computed where it falls between input pixels: one ordinary 2x2 convolution
    makes the four pixels of every cell, and they are put in their places (Shi et al., arXiv
    1609.07009). The gradient is the parent's, which is fast.

    Args:
        filters: number of output channels.
        activation: as of any layer.
        name: as of any layer.
    """

    def __init__(self, filters: int, activation: str | None = None, **kwargs: Any) -> None:
        fixed = {"kernel_size": (4, 4), "strides": (2, 2), "padding": "same"}
        super().__init__(filters, activation=activation, **(kwargs | fixed))

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(batch, h, w, channels) to (batch, 2h, 2w, filters)."""
        kernel, bias = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        if self.filters < 16:  # fewer than a register of the processor holds
            return self.activation(_up_conv(inputs, kernel, bias))
        height, width = inputs.shape[1:3]
        shape = (tf.shape(inputs)[0], 2 * height, 2 * width, self.filters)
        outputs = tf.nn.conv2d_transpose(inputs, kernel, shape, 2, "SAME")
        return self.activation(_add_bias(outputs, bias))


def _bias_gradient(upstream: tf.Tensor) -> tf.Tensor:
    """The sum over images and pixels, (channels,), as a matrix product.

    TensorFlow's own sum takes up to ten times as long: where there are few channels, and where
    it is part of the gradient of the kernel.
    """
    if upstream.dtype != tf.float32:  # the product would be summed in that type
        return tf.raw_ops.BiasAddGrad(out_backprop=upstream)
    channels = upstream.shape[-1]
    rows = tf.reshape(upstream, (-1, upstream.shape[2] * channels))
    columns = tf.matmul(tf.ones([1, tf.shape(rows)[0]]), rows)
    return tf.reduce_sum(tf.reshape(columns, (-1, channels)), axis=0)


@tf.custom_gradient
def _add_bias(inputs: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
    return tf.nn.bias_add(inputs, bias), lambda upstream: (upstream, _bias_gradient(upstream))


@tf.custom_gradient
def _up_conv(
    inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
) -> tuple[tf.Tensor, Callable[..., Any]]:
    height, width, channels = inputs.shape[1:]
    filters = kernel.shape[2]
    # output pixel 2j - 1 + q sees inputs j - 1 + a through tap 2 (1 - a) + q of the kernel
    cells = tf.reverse(tf.reshape(kernel, (2, 2, 2, 2, filters, channels)), [0, 2])
    cells = tf.reshape(tf.transpose(cells, (0, 2, 5, 1, 3, 4)), (2, 2, channels, 4 * filters))
    outputs = tf.nn.conv2d(inputs, cells, 1, [[0, 0], [1, 1], [1, 1], [0, 0]])
    outputs = tf.nn.bias_add(outputs, tf.tile(bias, [4]))
    outputs = tf.reshape(outputs, (-1, height + 1, width + 1, 2, 2 * filters))
    outputs = tf.reshape(
        tf.transpose(outputs, (0, 1, 3, 2, 4)), (-1, 2 * height + 2, (2 * width + 2) * filters)
    )
    outputs = outputs[:, 1:-1, filters:-filters]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        of_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=upstream,
            filter_sizes=kernel.shape,
            out_backprop=inputs,
            strides=[1, 2, 2, 1],
            padding="SAME",
        )
        of_inputs = tf.nn.conv2d(upstream, kernel, 2, "SAME")
        return of_inputs, of_kernel, _bias_gradient(upstream)

    return tf.reshape(outputs, (-1, 2 * height, 2 * width, filters)), gradient


@contextlib.contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Networks made inside compute in bfloat16, with float32 weights, if `mixed`.

    For GPUs. bfloat16 has the range of float32, so that gradients need no scaling. Latent
    distributions and losses stay in float32, and so does what is exported (`to_float32`). On a CPU
    TensorFlow adds up the biases' gradients in bfloat16, which loses most of them.
    """
    before = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def to_float32(network: keras.Model) -> None:
    """Let a network made in mixed precision compute in float32 from now on."""
    for layer in (network, *network.layers):
        layer.dtype_policy = "float32"


def _check_size(image_shape: Sequence[int]) -> None:
    if len(image_shape) != 3 or tuple(image_shape[:2]) != (64, 64):
        raise UserError(
            "the networks take images of 64x64 pixels",
            expected="an image shape (64, 64, channels)",
            received=tuple(image_shape),
        )


def _check_widths(what: str, widths: Sequence[int], count: int | None = None) -> None:
    if any(width < 1 for width in widths) or count not in (None, len(widths)):
        number = "" if count is None else f"{count} "
        raise UserError(
            f"{what} is impossible",
            expected=f"{number}whole numbers >= 1",
            received=list(widths),
        )


def conv_encoder(
    image_shape: Sequence[int], filters: Sequence[int] = (32, 32, 64, 64), units: int = 256
) -> keras.Model:
    """Four strided convolutions and a dense layer: images to features.

    Args:
        image_shape: (64, 64, channels).
        filters: output channels of the four convolutions; strides 2, kernels 4, 4, 2, 2.
        units: size of the dense layer, which is the number of features.
    """
    _check_size(image_shape)
    _check_widths("conv_encoder.filters", filters, 4)
    _check_widths("conv_encoder.units", [units])
    model = keras.Sequential([keras.Input(image_shape, name="images")], name="encoder")
    for i, (channels, kernel) in enumerate(zip(filters, (4, 4, 2, 2), strict=True)):
        model.add(DownConv2D(channels, kernel, activation="relu", name=f"conv{i}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(units, activation="relu", name="dense"))
    return model


def conv_decoder(
    image_shape: Sequence[int],
    latent_dim: int,
    filters: Sequence[int] = (64, 32, 32),
    units: int = 256,
) -> keras.Model:
    """Two dense layers and four transposed convolutions: latent variables to images.

    Args:
        image_shape: (64, 64, channels) of the output, which is linear (no sigmoid).
        latent_dim: size of the input.
        filters: output channels of the first three transposed convolutions; kernels 4,
            strides 2.
        units: size of the first dense layer.
    """
    _check_size(image_shape)
    _check_widths("conv_decoder.filters", filters, 3)
    _check_widths("conv_decoder.units", [units])
    model = keras.Sequential([keras.Input((latent_dim,), name="latents")], name="decoder")
    model.add(layers.Dense(units, activation="relu", name="dense0"))
    model.add(layers.Dense(1024, activation="relu", name="dense1"))
    model.add(layers.Reshape((4, 4, 64), name="reshape"))
    for i, channels in enumerate(filters):
        model.add(UpConv2D(channels, activation="relu", name=f"deconv{i}"))
    model.add(UpConv2D(image_shape[-1], name=f"deconv{len(filters)}"))
    return model


def mlp_encoder(image_shape: Sequence[int], units: Sequence[int] = (1200, 1200)) -> keras.Model:
    """A multi-layer perceptron with ReLU units: images to features.

    Args:
        image_shape: (64, 64, channels).
        units: sizes of the layers; the last is the number of features.
    """
    _check_size(image_shape)
    _check_widths("mlp_encoder.units", units)
    model = keras.Sequential([keras.Input(image_shape, name="images")], name="encoder")
    model.add(layers.Flatten(name="flatten"))
    for i, size in enumerate(units):
        model.add(layers.Dense(size, activation="relu", name=f"dense{i}"))
    return model


def mlp_decoder(
    image_shape: Sequence[int], latent_dim: int, units: Sequence[int] = (1200, 1200, 1200)
) -> keras.Model:
    """A multi-layer perceptron with tanh units: latent variables to images.

    Args:
        image_shape: (64, 64, channels) of the output, which is linear (no sigmoid).
        latent_dim: size of the input.
        units: sizes of the hidden layers.
    """
    _check_size(image_shape)
    _check_widths("mlp_decoder.units", units)
    model = keras.Sequential([keras.Input((latent_dim,), name="latents")], name="decoder")
    for i, size in enumerate(units):
        model.add(layers.Dense(size, activation="tanh", name=f"dense{i}"))
    height, width, channels = image_shape
    model.add(layers.Dense(height * width * channels, name="pixels"))
    model.add(layers.Reshape((height, width, channels), name="reshape"))
    return model
