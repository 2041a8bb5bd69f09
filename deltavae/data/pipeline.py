"""Training batches: whole batches gathered by index, as uint8, prefetched."""

import numpy as np
import tensorflow as tf

from deltavae.data.dataset import GroundTruthData
from deltavae.data.subset import Subset


def batches(
    data: GroundTruthData | Subset,
    batch_size: int,
    seed: int,
    epoch: int,
    steps: int,
    first: int = 0,
) -> tf.data.Dataset:
    """Return the batches of one epoch, each image drawn uniformly and independently.

    A batch is a pure function of (seed, epoch, step), so a resumed run sees what an
    uninterrupted one would have seen. Images stay uint8 until the compiled step converts them.

    Args:
        data: the images.
        batch_size: images in a batch.
        seed: of the whole run, >= 0.
        epoch: number of the epoch, >= 0.
        steps: batches in the epoch.
        first: batch of the epoch to begin with, where a run was stopped within it.

    Returns:
        `steps - first` elements of uint8 (batch_size, height, width, channels) in 0 .. 255.
    """

    def gather(step: np.ndarray) -> np.ndarray:
        bits = np.random.Philox(np.random.SeedSequence([seed, epoch, int(step)]))
        # Sorted, so that a memory-mapped dataset is read from front to back.
        indices = np.sort(np.random.Generator(bits).integers(data.num_images, size=batch_size))
        return data.images(indices, np.random.RandomState(bits) if data.is_stochastic else None)

    def load(step: tf.Tensor) -> tf.Tensor:
        images = tf.numpy_function(gather, [step], tf.uint8, stateful=False)
        return tf.ensure_shape(images, (batch_size, *data.image_shape))

    dataset = tf.data.Dataset.range(first, steps)
    dataset = dataset.map(load, num_parallel_calls=2, deterministic=True)
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return dataset.with_options(options).prefetch(4)
