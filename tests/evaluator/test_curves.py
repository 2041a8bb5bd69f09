"""Trained like disentanglement_lib trains them, the six baselines lose what they lose there.

The same 3,000 batches of 64 images in the same order, from the same initial weights, with small
networks; both sides with four seeds of their noise. In each of ten windows of 300 steps the mean
losses of the two sides are compared by a t-test of unequal variances. All 60 tests together call
two equal trainers different in 1 of 100 trials (Bonferroni).
"""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from deltavae.config import configured
from deltavae.data import load
from deltavae.models.adam import FusedAdam

pytestmark = [pytest.mark.evaluator, pytest.mark.slow]
ROOT = pathlib.Path(__file__).resolve().parents[2]
BASELINES = ("beta_vae", "annealed_vae", "factor_vae", "dip_vae_i", "dip_vae_ii", "beta_tcvae")
STEPS, SEEDS, WINDOWS, ERROR_RATE = 3000, 4, 10, 0.01
BINDINGS = [
    "model.encoder = @mlp_encoder",
    "mlp_encoder.units = (32,)",
    "model.decoder = @mlp_decoder",
    "mlp_decoder.units = (32,)",
]
SMALL = ["FactorVAEObjective.units = 64", "FactorVAEObjective.layers = 2"]


def build(name, seed=0):
    small = SMALL if name == "factor_vae" else []
    keras.utils.set_random_seed(0)
    with configured(
        [f"gin/baselines/{name}.gin"], [*BINDINGS, *small, f"train.seed = {seed}"]
    ) as experiment:
        return experiment.model((64, 64, 1))


def weights_by_their_names(model):
    """The weights, under the names that curves_2019.py gives them."""
    layers = {
        "encoder/e1": model.encoder.get_layer("dense0"),
        "encoder/means": model.posterior.loc_head,
        "encoder/log_var": model.posterior.log_scale_head,
        "decoder/d1": model.decoder.get_layer("dense0"),
        "decoder/d2": model.decoder.get_layer("pixels"),
    }
    network = model.objective.network
    if network is not None:
        for ours, theirs in (("dense0", "d1"), ("dense1", "d2"), ("logits", "logits")):
            layers[f"discriminator/{theirs}"] = network.get_layer(ours)
    return {
        f"{name}/{part}": value
        for name, layer in layers.items()
        for part, value in zip(("kernel", "bias"), layer.get_weights(), strict=True)
    }


def curves(name, images, order):
    """(SEEDS, STEPS): this package's loss at each step."""
    model = build(name)
    model.compile(FusedAdam(1e-4, epsilon=1e-8))
    model.optimizer.build(model.trainable_variables)
    everything = [*model.variables, *model.optimizer.variables]
    if model.objective.optimizer is not None:
        everything += model.objective.optimizer.variables
    start = [variable.numpy() for variable in everything]
    data, batches = tf.constant(images), tf.constant(order.reshape(STEPS, 64))
    noise = tf.Variable(0)

    @tf.function
    def train():
        losses = tf.TensorArray(tf.float32, STEPS)
        for i in tf.range(STEPS):
            terms = model.update(tf.gather(data, batches[i]))
            losses = losses.write(i, tf.reduce_mean(terms["loss"]))
        return losses.stack()

    model.seed, found = noise, []
    for seed in range(SEEDS):
        for variable, value in zip(everything, start, strict=True):
            variable.assign(value)
        noise.assign(seed)
        found.append(train().numpy())
    return np.array(found)


@pytest.mark.parametrize("name", BASELINES)
def test_the_loss_curve_is_theirs(python_2019, tmp_path, name):
    rng = np.random.default_rng(0)
    data = load("turntable")
    images = data.images(rng.integers(data.num_images, size=1024))
    images = images.mean(axis=-1, keepdims=True).astype(np.uint8)
    order = rng.integers(len(images), size=STEPS * 64)
    np.savez(
        tmp_path / "given.npz",
        images=images,
        order=order,
        steps=STEPS,
        seeds=SEEDS,
        **weights_by_their_names(build(name)),
    )
    script = ROOT / "tests/evaluator/curves_2019.py"
    done = subprocess.run(
        [python_2019, "-W", "ignore", script, name, tmp_path / "given.npz", tmp_path / "out.npy"],
        env={k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    theirs = np.load(tmp_path / "out.npy")
    ours = curves(name, images, order)
    assert ours.shape == theirs.shape == (SEEDS, STEPS)
    # the first loss has seen no step yet: the same but for the noise of 64 samples
    a, b = (each.reshape(SEEDS, WINDOWS, -1).mean(-1) for each in (ours, theirs))
    test = scipy.stats.ttest_ind(a, b, axis=0, equal_var=False)
    error = np.sqrt((a.var(0, ddof=1) + b.var(0, ddof=1)) / SEEDS)
    for window, values in enumerate(zip(a.mean(0), b.mean(0), error, test.pvalue, strict=True)):
        line = "{:.3f} here, {:.3f} there, standard error {:.3f}, p {:.2g}".format(*values)
        sys.stdout.write(f"{name} window {window}: {line}\n")
    assert test.pvalue.min() > ERROR_RATE / (WINDOWS * len(BASELINES))
