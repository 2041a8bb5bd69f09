"""What every objective is: the codes of a batch in, a penalty out."""

import dataclasses
import math
from typing import Any, ClassVar, Self

import keras
import tensorflow as tf
from absl import logging

from deltavae.errors import UserError
from deltavae.posteriors import Parameters, Posterior


@dataclasses.dataclass(frozen=True)
class Codes:
    """What an objective sees of a batch: q(z|x) for each image and one sample of it.

    With `tf.distribute` these are one replica's images; `whole_batch` gathers all.

    Attributes:
        posterior: the family of q, the prior and the latent space.
        parameters: of q(z|x), as the posterior names them; (batch, ...) each.
        z: one sample of q(z|x) per image, (batch, ambient_dim), with pathwise gradients.
        kl: KL(q(z|x) || p(z)) per image, (batch,), in nats.
        capacity: C, (), in nats.
        seed: int32 of shape (2,), for stateless random numbers; another one for each step.
    """

    posterior: Posterior
    parameters: Parameters
    z: tf.Tensor
    kl: tf.Tensor
    capacity: tf.Tensor
    seed: tf.Tensor


class Objective:
    """What training adds to -log p(x|z): a subclass in a file of its own is a new objective.

    A subclass writes `terms` and `get_config`, and registers itself with
    `keras.saving.register_keras_serializable("deltavae")`, so that saved models name it. One
    that trains a network of its own makes it in `build` and trains it in `step`.

    Attributes:
        beta: weight of the KL, shown in the history.
        reports: names of further values that `terms` returns: means of them are shown in the
            history and guarded against NaN.
        has_capacity: whether the penalty depends on C, so that the history and the training
            line show it.
        smallest_batch: fewest images in a batch from which the penalty can be computed.
        network: a network of the objective's own, or None; saved with the model.
        optimizer: what trains `network`; its state is part of every checkpoint.
    """

    beta: float = 1.0
    reports: ClassVar[tuple[str, ...]] = ()
    has_capacity: ClassVar[bool] = True
    smallest_batch: ClassVar[int] = 1
    network: keras.Model | None = None
    optimizer: keras.optimizers.Optimizer | None = None

    def build(self, posterior: Posterior) -> None:
        """Prepare for codes of that posterior.

        Called once, when the model is made.

        Raises:
            UserError: the objective is not defined for that posterior or latent space.
        """
        del posterior

    def capacity(self, scheduled: tf.Tensor, step: tf.Tensor | int) -> tf.Tensor:
        """Return C in nats at a step, counted from 0; `scheduled` is the epoch's (`capacity`)."""
        del step
        return scheduled

    def terms(self, codes: Codes) -> dict[str, Any]:
        """Compute the penalty of a batch.

        Returns:
            `penalty`, in nats, what the loss adds to -log p(x|z), and every name of `reports`:
            (batch,) each, or () for what is one number for the whole batch. What else is there,
            such as gradients for `network`, is for `step`.
        """
        raise NotImplementedError

    def step(self, terms: dict[str, Any]) -> None:
        """Train `network` by one step, from what `terms` returned for it.

        Called after the model's own gradients are computed and before they are applied.
        """
        del terms

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Rebuild from `get_config`."""
        return cls(**config)

    def require_batch(self, size: int) -> None:
        """Raise `UserError` if batches of that size are too small for the penalty."""
        if size < self.smallest_batch:
            raise UserError(
                f"the batch is too small for {type(self).__name__}, which compares the codes "
                "of different images",
                expected=f"a train.batch_size of at least {self.smallest_batch}",
                received=size,
            )


def check_weight(name: str, value: float) -> float:
    """Return `value`, the weight called `name`; raise `UserError` unless it is finite, >= 0."""
    if isinstance(value, bool) or not (math.isfinite(value) and value >= 0):
        raise UserError(
            f"the weight {name} of the objective is impossible",
            expected=f"a finite {name} >= 0",
            received=value,
        )
    return value


def require_total_correlation(objective: Objective, posterior: Posterior) -> None:
    """Raise `UserError` if the total correlation of codes on that latent space is not known.

    On a space of one factor, such as a sphere, it is zero: a warning says so.
    """
    name, space = type(objective).__name__, posterior.manifold
    if not space.has_exact_kernel:
        raise UserError(
            f"{name} needs the total correlation of the codes, which is not known on "
            f"{type(space).__name__}",
            expected="a latent space whose density is known, such as GaussianPosterior, "
            "FlatTorus, Product or Hypersphere",
            received=repr(space),
        )
    if space.num_factors == 1:
        logging.warning(
            "%r is not a product: the total correlation of its codes is zero, and the weight of "
            "%s has no effect.",
            space,
            name,
        )


def bounded_kl(codes: Codes) -> tf.Tensor:
    """Return the KL per image, (batch,), as a penalty that has a minimum.

    It is `codes.kl`, except for equation (3) where the space is flat: that falls for ever as t
    grows, through 0 to minus infinity, although no KL is below 0. There it is the sum of the
    factors' absolute values: the same down to 0, and rising beyond, so that t stays near where
    (3) reads 0.
    """
    if math.isfinite(codes.posterior.kl_floor):
        return codes.kl
    return tf.reduce_sum(tf.abs(codes.posterior.kl_per_factor(codes.parameters)), axis=-1)


def num_replicas() -> int:
    """Return how many replicas share the batch at hand: 1 outside `Strategy.run`."""
    context = tf.distribute.get_replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def whole_batch(values: tf.Tensor) -> tf.Tensor:
    """Gather what all replicas have of a batch, in order; differentiable.

    Args:
        values: (rows, ...) of this replica.

    Returns:
        (replicas * rows, ...): the same on every replica. With one replica, `values`.
    """
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    # each replica sets its own rows in zeros: `all_gather` does not work in a compiled function
    rows, index = tf.shape(values)[0], context.replica_id_in_sync_group
    before, after = index * rows, (context.num_replicas_in_sync - 1 - index) * rows
    padding = [[before, after], *[[0, 0]] * (len(values.shape) - 1)]
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tf.pad(values, padding))


def own_rows(values: tf.Tensor) -> tf.Tensor:
    """Return this replica's rows of a tensor that holds the whole batch."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return values
    size = tf.shape(values)[0] // context.num_replicas_in_sync
    first = size * context.replica_id_in_sync_group
    return values[first : first + size]


def mean_of(values: tf.Tensor) -> tf.Tensor:
    """Return the mean over the whole batch, of all replicas."""
    return tf.reduce_mean(whole_batch(values))
