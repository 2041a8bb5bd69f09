"""Cost of the latent distribution: sampling and KL, forward and backward, at batch 64.

    python benchmarks/latent_distributions.py [--repeats 200]

Prints the median time of each mode, its ratio to the exact sphere and to a training step of the
convolutional model on 64x64x3 images, timed in turns so that a busy machine hits all alike.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae import config
from deltavae.distributions import Diffusion, PowerSpherical, Uniform, VonMisesFisher
from deltavae.manifolds import FlatTorus, Hypersphere

BATCH = 64


def sampling_step(manifold, make, num_scales):
    """One sampling with KL and its gradients, compiled."""
    loc = manifold.random_uniform([BATCH], (0, 1))
    prior = Uniform(manifold)

    @tf.function
    def step(log_scale, seed):
        with tf.GradientTape() as tape:
            tape.watch([loc, log_scale])
            q = make(manifold, loc, log_scale)
            total = tf.reduce_sum(q.sample(seed=seed) ** 3)
            total += tf.reduce_sum(q.kl_divergence(prior))
        return tape.gradient(total, [loc, log_scale])

    shape = [BATCH, num_scales] if num_scales else [BATCH]
    arguments = tf.fill(shape, -4.0), tf.constant([1, 2])
    return lambda: step(*arguments)[0].numpy()


def training_step(dim):
    """One step of the convolutional model, compiled, without the training loop."""
    with config.configured(["gin/base.gin"], [f"Hypersphere.dim = {dim}"]) as experiment:
        model = experiment.model((64, 64, 3))
    optimizer = tf.keras.optimizers.Adam()
    images = tf.random.stateless_uniform([BATCH, 64, 64, 3], (0, 1))

    @tf.function
    def step(seed):
        with tf.GradientTape() as tape:
            parameters = model.parameters(images)
            z = model.posterior.sample(parameters, seed)
            mean = model.decode(z)
            loss = tf.reduce_sum((images - mean) ** 2) + tf.reduce_sum(
                model.posterior.kl(parameters)
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    seed = tf.constant([1, 2])
    return lambda: step(seed).numpy()


def diffusion(mode, kl, times="shared"):
    """A maker of diffusions."""
    return lambda m, loc, s: Diffusion(m, loc, log_diffusion_time=s, times=times, mode=mode, kl=kl)


ON_SPHERES = {
    "exact": diffusion("exact", "exact"),
    "walk, 5 steps": diffusion("random_walk", "asymptotic"),
    "von Mises-Fisher": lambda m, loc, s: VonMisesFisher(loc, log_concentration=-s),
    "power spherical": lambda m, loc, s: PowerSpherical(loc, log_concentration=-s),
}


def medians(steps, repeats):
    """Median seconds of each step, timed in turns."""
    for step in steps.values():
        step(), step()
    times = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    repeats = parser.parse_args().repeats
    for dim in (10, 20):
        sphere, circles = Hypersphere(dim), FlatTorus(dim)
        steps = {
            f"S^{dim}, {name}": sampling_step(sphere, make, 0) for name, make in ON_SPHERES.items()
        }
        shared, each = diffusion("exact", "exact"), diffusion("exact", "exact", "per_factor")
        steps[f"{dim} circles, one time"] = sampling_step(circles, shared, 0)
        steps[f"{dim} circles, a time each"] = sampling_step(circles, each, dim)
        found = medians(steps, repeats)
        whole = medians({"training step": training_step(dim)}, max(10, repeats // 10))
        found |= whole
        exact, full = found[f"S^{dim}, exact"], found["training step"]
        for name, value in found.items():
            print(
                f"{name:26} {1e3 * value:8.2f} ms  "
                f"{value / exact:7.2f} of the sphere's  {value / full:7.1%} of a training step"
            )


if __name__ == "__main__":
    main()
