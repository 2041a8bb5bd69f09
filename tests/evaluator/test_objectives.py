"""Every term of the six baselines equals disentanglement_lib's own in the stack of 2019."""

import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from deltavae.config import configured
from deltavae.models.likelihoods import bernoulli_log_likelihood
from deltavae.models.objectives import Codes
from deltavae.models.objectives.factor_vae import FactorVAEObjective

pytestmark = pytest.mark.evaluator
ROOT = pathlib.Path(__file__).resolve().parents[2]
BASELINES = ("beta_vae", "annealed_vae", "factor_vae", "dip_vae_i", "dip_vae_ii", "beta_tcvae")
STEP = 12345  # of objectives_2019.py


def tensors():
    """A batch as in training: means apart from each other, some latent variables unused."""
    rng = np.random.default_rng(0)
    mean = rng.normal(size=(64, 10)) @ rng.normal(size=(10, 10)) * 0.5
    log_var = rng.uniform(-4.0, 0.0, size=(64, 10))
    z = mean + np.exp(log_var / 2) * rng.normal(size=(64, 10))
    given = {
        "mean": mean,
        "log_var": log_var,
        "z": z,
        "permuted": np.stack([rng.permutation(column) for column in z.T], axis=1),
        "images": rng.uniform(size=(64, 64, 64, 1)),
        "logits": rng.normal(size=(64, 64, 64, 1)),
    }
    sizes = [10, *[1000] * 6, 2]
    for i, (before, after) in enumerate(itertools.pairwise(sizes)):
        layer = f"discriminator/{'logits' if i == 6 else f'd{i + 1}'}"
        given[f"{layer}/kernel"] = rng.normal(size=(before, after)) * np.sqrt(2 / before)
        given[f"{layer}/bias"] = rng.normal(size=after) * 0.1
    return {name: value.astype(np.float32) for name, value in given.items()}


def ours(name, given, monkeypatch):
    """Every term of a baseline on those tensors, as means over the batch."""
    with configured([f"gin/baselines/{name}.gin"]) as experiment:
        model = experiment.model((64, 64, 1))
    objective, posterior = model.objective, model.posterior
    if isinstance(objective, FactorVAEObjective):
        layers = [layer for layer in objective.network.layers if layer.weights]
        for i, layer in enumerate(layers):
            there = f"discriminator/{'logits' if i == 6 else f'd{i + 1}'}"
            layer.set_weights([given[f"{there}/kernel"], given[f"{there}/bias"]])
        module = "deltavae.models.objectives.factor_vae.permute_factors"
        monkeypatch.setattr(module, lambda *_: tf.constant(given["permuted"]))
    parameters = {
        "loc": tf.constant(given["mean"]),
        "log_sigma": tf.constant(given["log_var"] / 2),
    }
    kl = posterior.kl(parameters)
    capacity = objective.capacity(tf.constant(0.0), tf.constant(STEP))
    codes = Codes(
        posterior, parameters, tf.constant(given["z"]), kl, capacity, tf.constant([0, 0])
    )
    found = objective.terms(codes)
    terms = {key: float(np.mean(v)) for key, v in found.items() if not isinstance(v, list)}
    likelihood = bernoulli_log_likelihood(tf.constant(given["images"]), given["logits"])
    terms |= {"kl": float(np.mean(kl)), "loss": terms["penalty"] - float(np.mean(likelihood))}
    if name == "beta_tcvae":  # which is without its constant there
        terms["total_correlation"] -= (10 - 1) * np.log(64)
    return terms


def test_every_term_equals_theirs(python_2019, tmp_path, monkeypatch):
    given = tensors()
    np.savez(tmp_path / "given.npz", **given)
    script = ROOT / "tests/evaluator/objectives_2019.py"
    subprocess.run(
        [python_2019, "-W", "ignore", script, tmp_path / "given.npz", tmp_path / "found.npz"],
        check=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS")},
    )
    theirs = dict(np.load(tmp_path / "found.npz"))
    largest = {}
    for name in BASELINES:
        mine = ours(name, given, monkeypatch)
        for key, value in theirs.items():
            model, term = key.split("/")
            if model == name:
                largest[model, term] = abs(mine[term] - value) / abs(value)
    for (model, term), difference in largest.items():
        value = theirs[f"{model}/{term}"]
        sys.stdout.write(f"{model:14s} {term:20s} {value:12.6g} {difference:.1e}\n")
    assert len(largest) == 22
    assert max(largest.values()) < 1e-5, largest
