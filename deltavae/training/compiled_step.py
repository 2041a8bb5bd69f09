"""The compiled training step, the running means of its terms, and the guard over them."""

import math
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from deltavae.errors import UserError
from deltavae.models.delta_vae import DeltaVAE

TERMS = ("log_scale", "kl", "reconstruction", "loss", "elbo")
"""In the order in which the step computes them, so that the first that fails is the cause; what
the objective reports comes before the loss."""

# from here on float32 no longer tells one nat from the next
LARGEST = 2.0**24


class CompiledStep:
    """Runs the training step of a compiled model and keeps the means of its terms over the epoch.

    Its `variables` belong into a checkpoint: with them a run continued within an epoch ends
    it with the averages of a run that was never stopped. Made in the scope of a
    `tf.distribute` strategy, it shares each batch between the strategy's replicas.

    Args:
        model: compiled with an optimiser.
        jit_compile: compile the step with XLA.
    """

    def __init__(self, model: DeltaVAE, jit_compile: bool = False) -> None:
        self.model = model
        self.names = (*TERMS[:3], *model.objective.reports, *TERMS[3:])
        self.strategy = tf.distribute.get_strategy()
        self.sums = tf.Variable(tf.zeros(len(self.names), tf.float64), trainable=False)
        # the step, counted from 1, that first gave terms out of bounds, and those terms
        self.diverged = tf.Variable(tf.zeros(1 + len(self.names), tf.float64), trainable=False)
        self.variables = [self.sums, self.diverged]
        # KL of each factor of the latent space, summed over steps, and how many steps. No part
        # of `variables`, which checkpoints made before there was such a thing must match
        factors = model.posterior.manifold.num_factors
        self.factor_sums = tf.Variable(tf.zeros(factors + 1, tf.float64), trainable=False)
        # without autograph, whose translation of all that is called takes longer than tracing it
        self._update = tf.function(self._terms, jit_compile=jit_compile, autograph=False)

    @tf.function(autograph=False)
    def run(self, batches: Iterator[tf.Tensor], count: int) -> None:
        """Make `count` steps on the next batches."""
        if count == 1:
            self._step(next(batches))
            return

        def step(made: tf.Tensor) -> tf.Tensor:
            self._step(next(batches))
            return made + 1

        tf.while_loop(lambda made: made < count, step, [0])

    def _terms(self, images: tf.Tensor) -> tf.Tensor:
        terms = self.model.update(images)
        means = tf.stack([tf.reduce_mean(terms[name]) for name in self.names])
        return tf.concat([means, tf.reduce_mean(terms["kl_per_factor"], axis=0)], 0)

    def _step(self, images: tf.Tensor) -> None:
        means = self.strategy.reduce("MEAN", self.strategy.run(self._update, (images,)), None)
        means = tf.cast(means, tf.float64)
        self.factor_sums.assign_add(tf.concat([means[len(self.names) :], [1.0]], 0))
        means = means[: len(self.names)]
        self.sums.assign_add(means)
        step = tf.cast(self.model.optimizer.iterations, tf.float64)
        # not (|x| < LARGEST) would do, but the graph optimiser makes |x| >= LARGEST of it
        good = tf.logical_and(tf.math.is_finite(means), tf.abs(means) < LARGEST)
        bad = tf.math.count_nonzero(good) < len(self.names)
        new = tf.logical_and(bad, self.diverged[0] == 0)
        self.diverged.assign(tf.where(new, tf.concat([[step], means], 0), self.diverged))

    def reset(self) -> None:
        """Begin an epoch."""
        self.sums.assign(tf.zeros_like(self.sums))
        self.factor_sums.assign(tf.zeros_like(self.factor_sums))

    def kl_per_factor(self) -> list[float]:
        """The KL of each factor of the latent space in nats, averaged over the epoch so far."""
        *sums, count = self.factor_sums.numpy().tolist()
        return [total / count for total in sums]

    def means(self, steps: int) -> dict[str, float]:
        """The terms, averaged over the `steps` of the epoch so far; nats, `log_scale` none."""
        sums = self.sums.numpy()
        return {name: float(total / steps) for name, total in zip(self.names, sums, strict=True)}

    def check(self, good: Any) -> None:
        """Raise `UserError` if a step gave a term that is no number or absurdly large.

        Args:
            good: the last good state, for the message.
        """
        step, *values = self.diverged.numpy()
        if not step:
            return
        terms = dict(zip(self.names, values, strict=True))
        first = next(name for name, value in terms.items() if not abs(value) < LARGEST)
        others = ", ".join(f"{name} = {value:.6g}" for name, value in terms.items())
        raise UserError(
            f"training diverged at step {math.floor(step):,}: {first} went first",
            expected=f"terms below {LARGEST:.0f} nats",
            received=others,
            advice=f"The last good state is {good or 'the untrained one'}. Lower "
            "train.learning_rate or set train.clip_norm, then --resume.",
        )
