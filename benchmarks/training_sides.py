"""Workers of training.py: `training_sides.py SIDE CHANNELS` reads one number of steps per line."""

import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

BATCH = 64


def package(channels: int, baseline: str = "") -> Callable[[int], None]:
    """This package's loop on images in memory, with all that belongs to a step.

    `baseline` is one of `gin/baselines`, or `vae`: beta-VAE with beta 1.
    """
    import tempfile
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from deltavae.config import configured
    from deltavae.data.pipeline import batches
    from deltavae.run_dir import RunDir
    from deltavae.training.capacity_schedule import Capacity
    from deltavae.training.loop import Loop

    class Images:
        name, num_images, is_stochastic = "noise", 1024, False
        image_shape = (64, 64, channels)
        all = np.random.default_rng(0).integers(0, 256, (1024, 64, 64, channels), np.uint8)

        def images(self, indices: np.ndarray, random_state: object = None) -> np.ndarray:
            return self.all[indices]

    files, bindings = ["gin/base.gin"], []
    if baseline:
        files = [f"gin/baselines/{'beta_vae' if baseline == 'vae' else baseline}.gin"]
        bindings = ["BetaObjective.beta = 1.0"] if baseline == "vae" else []
    with configured(files, bindings) as experiment:
        model = experiment.model((64, 64, channels))
        settings = experiment.settings
    folder = RunDir(tempfile.mkdtemp())
    loop = Loop(model, Images(), settings, Capacity(), folder, resume=False)

    def endless() -> Iterator[object]:
        while True:
            yield iter(batches(Images(), BATCH, 0, 0, 10**6))

    batch = next(endless())

    def run(steps: int) -> None:
        for _ in range(steps):
            loop.compiled_step.run(batch, 1)

    return run


def keras(channels: int) -> Callable[[int], None]:
    """Stock layers in one compiled step on one resident batch."""
    import keras
    import tensorflow as tf
    from keras import layers

    same = {"strides": 2, "padding": "same", "activation": "relu"}
    encoder = keras.Sequential([keras.Input((64, 64, channels))])
    for filters, kernel in ((32, 4), (32, 4), (64, 2), (64, 2)):
        encoder.add(layers.Conv2D(filters, kernel, **same))
    encoder.add(layers.Flatten())
    encoder.add(layers.Dense(256, activation="relu"))
    encoder.add(layers.Dense(20))
    decoder = keras.Sequential([keras.Input((10,))])
    decoder.add(layers.Dense(256, activation="relu"))
    decoder.add(layers.Dense(1024, activation="relu"))
    decoder.add(layers.Reshape((4, 4, 64)))
    for filters in (64, 32, 32):
        decoder.add(layers.Conv2DTranspose(filters, 4, **same))
    decoder.add(layers.Conv2DTranspose(channels, 4, strides=2, padding="same"))
    weights = encoder.trainable_variables + decoder.trainable_variables
    optimizer = keras.optimizers.Adam(1e-4)
    optimizer.build(weights)
    images = tf.random.uniform((BATCH, 64, 64, channels))

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            mean, log_var = tf.split(encoder(images, training=True), 2, axis=1)
            z = mean + tf.exp(0.5 * log_var) * tf.random.normal((BATCH, 10))
            squares = tf.reduce_sum((decoder(z, training=True) - images) ** 2, axis=[1, 2, 3])
            kl = 0.5 * tf.reduce_sum(mean**2 + tf.exp(log_var) - log_var - 1, axis=1)
            loss = tf.reduce_mean(0.5 * squares + kl)
        gradients = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return loss

    def run(steps: int) -> None:
        for _ in range(steps):
            loss = step()
        loss.numpy()

    return run


def torch(channels: int, last: bool = False) -> Callable[[int], None]:
    """The same networks and loss in PyTorch; `last` keeps channels last in memory."""
    import os

    import torch
    from torch import nn

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    parts = []
    for before, after, kernel, pad in ((channels, 32, 4, 1), (32, 32, 4, 1), (32, 64, 2, 0)):
        parts += [nn.Conv2d(before, after, kernel, 2, pad), nn.ReLU()]
    parts += [nn.Conv2d(64, 64, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 256), nn.ReLU()]
    encoder = nn.Sequential(*parts, nn.Linear(256, 20))
    parts = [nn.Linear(10, 256), nn.ReLU(), nn.Linear(256, 1024), nn.ReLU()]
    parts += [nn.Unflatten(1, (64, 4, 4))]
    for before, after in ((64, 64), (64, 32), (32, 32)):
        parts += [nn.ConvTranspose2d(before, after, 4, 2, 1), nn.ReLU()]
    decoder = nn.Sequential(*parts, nn.ConvTranspose2d(32, channels, 4, 2, 1))
    images = torch.rand(BATCH, channels, 64, 64)
    if last:
        encoder = encoder.to(memory_format=torch.channels_last)
        decoder = decoder.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-4)

    def run(steps: int) -> None:
        for _ in range(steps):
            mean, log_var = encoder(images).chunk(2, dim=1)
            z = mean + torch.exp(0.5 * log_var) * torch.randn(BATCH, 10)
            squares = ((decoder(z) - images) ** 2).sum(dim=(1, 2, 3))
            kl = 0.5 * (mean**2 + torch.exp(log_var) - log_var - 1).sum(dim=1)
            optimizer.zero_grad()
            (0.5 * squares + kl).mean().backward()
            optimizer.step()

    return run


def peak(channels: int) -> Callable[[int], None]:
    """A large matrix product: what the machine can do at best."""
    import tensorflow as tf

    a = tf.random.normal((2048, 2048))

    @tf.function
    def product() -> tf.Tensor:
        return tf.reduce_sum(tf.matmul(a, a))

    def run(steps: int) -> None:
        for _ in range(steps):
            product().numpy()

    return run


def main() -> None:
    """Serve the driver."""
    name, channels = sys.argv[1], int(sys.argv[2])
    if name == "torch_last":
        run = torch(channels, last=True)
    elif name.startswith("package/"):
        run = package(channels, name.removeprefix("package/"))
    else:
        run = {"package": package, "keras": keras, "torch": torch, "peak": peak}[name](channels)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        run(int(line))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print("seconds", cpu, wall, flush=True)


if __name__ == "__main__":
    main()
