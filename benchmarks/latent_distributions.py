"""Cost of the latent distribution: sampling and KL, forward and backward, at batch 64.

    python benchmarks/latent_distributions.py [--repeats 200]

Prints the median CPU time of each mode, its ratio to the exact sphere and to the training step of
the convolutional model on 64x64x3 images, as the training loop compiles it. All are timed in turns
so that a busy machine hits all alike; the shares are medians over the turns.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae import config
from deltavae.distributions import Diffusion, PowerSpherical, Uniform, VonMisesFisher
from deltavae.manifolds import FlatTorus, Hypersphere
from deltavae.training.compiled_step import CompiledStep
from deltavae.training.optimizer import make_optimizer

BATCH = 64
PASSES = 10  # of a latent distribution in one call


def sampling_step(manifold, make, num_scales):
    """Sampling with KL and its gradients, `PASSES` times in one compiled call.

    A training step pays for its call once, whatever it samples: so do these passes together.
    """
    shape = [BATCH, num_scales] if num_scales else [BATCH]
    locs = [manifold.random_uniform([BATCH], (0, i)) for i in range(PASSES)]
    log_scales = [tf.fill(shape, -4.0 - 0.1 * i) for i in range(PASSES)]
    prior = Uniform(manifold)

    @tf.function(autograph=False)
    def step(locs, log_scales):
        with tf.GradientTape() as tape:
            tape.watch([locs, log_scales])
            total = 0.0
            for i, (loc, log_scale) in enumerate(zip(locs, log_scales, strict=True)):
                q = make(manifold, loc, log_scale)
                total += tf.reduce_sum(q.sample(seed=tf.constant([1, i])) ** 3)
                total += tf.reduce_sum(q.kl_divergence(prior))
        return tape.gradient(total, [locs, log_scales])

    return lambda: step(locs, log_scales)[0][0].numpy()


def training_step(dim):
    """The step of the convolutional model as the training loop compiles it, on one batch."""
    with config.configured(["gin/base.gin"], [f"Hypersphere.dim = {dim}"]) as experiment:
        model = experiment.model((64, 64, 3))
    model.compile(optimizer=make_optimizer(model, experiment.settings))
    step = CompiledStep(model)
    pixels = tf.random.stateless_uniform([BATCH, 64, 64, 3], (0, 1), 0, 256, tf.int32)
    images = tf.cast(pixels, tf.uint8)
    batches = iter(tf.data.Dataset.from_tensors(images).repeat())

    def run():
        step.run(batches, 1)
        return step.sums.numpy()

    return run


def diffusion(mode, kl, times="shared"):
    """A maker of diffusions."""
    return lambda m, loc, s: Diffusion(m, loc, log_diffusion_time=s, times=times, mode=mode, kl=kl)


ON_SPHERES = {
    "exact": diffusion("exact", "exact"),
    "walk, 5 steps": diffusion("random_walk", "asymptotic"),
    "von Mises-Fisher": lambda m, loc, s: VonMisesFisher(loc, log_concentration=-s),
    "power spherical": lambda m, loc, s: PowerSpherical(loc, log_concentration=-s),
}


def take_turns(steps, repeats):
    """CPU seconds of each step in each turn; names to arrays (repeats,)."""
    for step in steps.values():
        step(), step()
    times = {name: [] for name in steps}
    for _ in range(repeats):
        for name, step in steps.items():
            start = time.process_time()
            step()
            times[name].append(time.process_time() - start)
    return {name: np.array(values) for name, values in times.items()}


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
        steps["training step"] = training_step(dim)
        found = take_turns(steps, repeats)
        for name in steps.keys() - {"training step"}:
            found[name] /= PASSES
        exact, full = found[f"S^{dim}, exact"], found["training step"]
        for name, seconds in found.items():
            print(
                f"{name:26} {1e3 * np.median(seconds):8.2f} ms  "
                f"{np.median(seconds / exact):7.2f} of the sphere's  "
                f"{np.median(seconds / full):7.2%} of a training step"
            )


if __name__ == "__main__":
    main()
