"""Encoders and decoders for 64x64 images.

Architectures of the field's standard study (Locatello et al., arXiv 1811.12359, table 1):
the convolutional pair is the one most of its users train, the perceptrons are its
fully connected pair. All layers have explicit names, so that exports compare.
"""

from collections.abc import Sequence

import keras
from keras import layers

from deltavae.errors import UserError


def _check_size(image_shape: Sequence[int]) -> None:
    if len(image_shape) != 3 or tuple(image_shape[:2]) != (64, 64):
        raise UserError(
            "the networks take images of 64x64 pixels",
            expected="an image shape (64, 64, channels)",
            received=tuple(image_shape),
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
    model = keras.Sequential([keras.Input(image_shape, name="images")], name="encoder")
    for i, (channels, kernel) in enumerate(zip(filters, (4, 4, 2, 2), strict=True)):
        model.add(
            layers.Conv2D(
                channels, kernel, strides=2, padding="same", activation="relu", name=f"conv{i}"
            )
        )
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
    model = keras.Sequential([keras.Input((latent_dim,), name="latents")], name="decoder")
    model.add(layers.Dense(units, activation="relu", name="dense0"))
    model.add(layers.Dense(1024, activation="relu", name="dense1"))
    model.add(layers.Reshape((4, 4, 64), name="reshape"))
    for i, channels in enumerate(filters):
        model.add(
            layers.Conv2DTranspose(
                channels, 4, strides=2, padding="same", activation="relu", name=f"deconv{i}"
            )
        )
    model.add(
        layers.Conv2DTranspose(
            image_shape[-1], 4, strides=2, padding="same", name=f"deconv{len(filters)}"
        )
    )
    return model


def mlp_encoder(image_shape: Sequence[int], units: Sequence[int] = (1200, 1200)) -> keras.Model:
    """A multi-layer perceptron with ReLU units: images to features.

    Args:
        image_shape: (64, 64, channels).
        units: sizes of the layers; the last is the number of features.
    """
    _check_size(image_shape)
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
    model = keras.Sequential([keras.Input((latent_dim,), name="latents")], name="decoder")
    for i, size in enumerate(units):
        model.add(layers.Dense(size, activation="tanh", name=f"dense{i}"))
    height, width, channels = image_shape
    model.add(layers.Dense(height * width * channels, name="pixels"))
    model.add(layers.Reshape((height, width, channels), name="reshape"))
    return model
