"""Training on several devices or machines at once, by `tf.distribute`.

Every replica takes its rows of each batch and of its noise, so that the result is that of one
device to rounding, whatever their number.
"""

import contextlib
import json
import os
from collections.abc import Iterator

import tensorflow as tf
from tensorflow.python.eager import context

from deltavae.errors import UserError, unknown_name
from deltavae.training.settings import STRATEGIES


def make_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of that name; `multi_worker` waits for the workers that TF_CONFIG names.

    Raises:
        UserError: an unknown name, or no TF_CONFIG where one is needed.
    """
    if name not in STRATEGIES:
        raise unknown_name("unknown strategy", name, STRATEGIES)
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        _task()
        # TensorFlow's runtime has been started by then, since its devices were counted;
        # workers can only be introduced to each other before that
        context._reset_context()
        return tf.distribute.MultiWorkerMirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(name: str) -> bool:
    """Whether this process writes the run's files: the chief, or else worker 0."""
    if name != "multi_worker":
        return True
    kind, index, cluster = _task()
    return kind == "chief" or (index == 0 and "chief" not in cluster)


def _task() -> tuple[str, int, dict[str, list[str]]]:
    try:
        config = json.loads(os.environ["TF_CONFIG"])
        return config["task"]["type"], int(config["task"]["index"]), config["cluster"]
    except (KeyError, TypeError, ValueError):
        raise UserError(
            "--strategy multi_worker does not know its workers",
            expected='TF_CONFIG like {"cluster": {"worker": ["host:port", "host:port"]}, '
            '"task": {"type": "worker", "index": 0}}',
            received=os.environ.get("TF_CONFIG", "none"),
        ) from None


def distribute_batches(
    dataset: tf.data.Dataset, strategy: tf.distribute.Strategy
) -> Iterator[tf.Tensor]:
    """An iterator over whole batches that gives each replica its rows of them."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return iter(dataset)

    def rows(place: tf.distribute.InputContext) -> tf.data.Dataset:
        each = replicas // place.num_input_pipelines
        first = each * place.input_pipeline_id

        def parts(batch: tf.Tensor) -> tf.data.Dataset:
            shape = (replicas, batch.shape[0] // replicas, *batch.shape[1:])
            mine = tf.reshape(batch, shape)[first : first + each]
            return tf.data.Dataset.from_tensor_slices(mine)

        return dataset.flat_map(parts).prefetch(2)

    return iter(strategy.distribute_datasets_from_function(rows))


@contextlib.contextmanager
def workers_watched(strategy: tf.distribute.Strategy, advice: str) -> Iterator[None]:
    """Turn the loss of a worker into a `UserError`.

    The same errors on a single machine, which has no workers, come from elsewhere, such as a
    GPU that fails, and are left as they are.
    """
    try:
        yield
    except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.InternalError) as error:
        if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
            raise
        raise UserError(
            "a worker of the group was lost",
            expected="all workers that TF_CONFIG names",
            received=str(error).splitlines()[0],
            advice=advice,
        ) from error
