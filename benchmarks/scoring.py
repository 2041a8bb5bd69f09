"""Scoring against disentanglement_lib's own functions, both sides in one run, on one module.

    for shape in cars3d dsprites mpi3d; do
        python benchmarks/scoring.py --shape $shape --repeats 3
    done
    python benchmarks/scoring.py --shape dsprites --metrics dci,factor_vae_metric

The images are patterns made from the factors of the public sets' sizes, the module a random
convolutional encoder onto S^9. The library's side is its function as the 2019 starter kit calls
it: images drawn and encoded batch by batch, by the module as TensorFlow loads it, scikit-learn's
trees. The other side is `deltavae.scoring.evaluate`, once for all the metrics together and once
for each alone, each time from nothing to scores.json but for TensorFlow, which a first evaluation
starts: starting processes, draws, encoding, the metric, writing. A ratio is the library's time to
ours alone. The library's time is the lesser of wall clock and processor time. On two cores it
takes ten minutes for DCI on cars3d.

Encoding alone is measured too: images per second, and the share of the cores' peak, which is what
TensorFlow makes of the product of two large matrices, turn by turn with it. The module is
made, and encoding measured, in processes of their own: what is printed as the largest process is
the one that encodes, after that first evaluation; the processes of metrics are smaller.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.data import Factor, GroundTruthData
from deltavae.scoring.challenge import METRICS, run_metric
from deltavae.scoring.codes import CodeCache, encode_once
from deltavae.scoring.evaluate import evaluate
from deltavae.scoring.score_specs import CHALLENGE

SHAPES = {
    "cars3d": ([4, 24, 183], 3),
    "dsprites": ([3, 6, 40, 32, 32], 1),
    "mpi3d": ([6, 6, 2, 3, 3, 40, 40], 3),
}


class Patterns(GroundTruthData):
    """Every factor value adds a pattern of its own to the picture."""

    def __init__(self, shape: str) -> None:
        sizes, channels = SHAPES[shape]
        grid = [Factor(f"factor_{i}", size) for i, size in enumerate(sizes)]
        super().__init__(shape, grid, (64, 64, channels))
        rng = np.random.default_rng(0)
        top = 255 // len(sizes)
        self._patterns = []
        for size in sizes:
            coarse = rng.integers(0, top, (size, 8, 8, channels), dtype=np.uint8)
            self._patterns.append(coarse.repeat(8, axis=1).repeat(8, axis=2))

    def images(self, indices, random_state=None):
        """Sums of patterns, uint8."""
        picture = np.zeros((len(indices), *self.image_shape), np.uint8)
        for pattern, values in zip(self._patterns, self.factors(indices).T, strict=True):
            picture += pattern[values]
        return picture


def write_module(path: Path, channels: int) -> None:
    """A random encoder of the study's architecture, projected to the sphere."""
    import tensorflow as tf

    tf.keras.utils.set_random_seed(0)
    layers = [
        tf.keras.layers.Conv2D(width, 4, 2, "same", activation="relu")
        for width in (32, 32, 64, 64)
    ]
    layers += [tf.keras.layers.Flatten(), tf.keras.layers.Dense(256, "relu")]
    layers += [tf.keras.layers.Dense(10), tf.keras.layers.UnitNormalization()]
    model = tf.keras.Sequential([tf.keras.Input((64, 64, channels)), *layers])
    spec = tf.TensorSpec((None, 64, 64, channels), tf.float32, name="images")

    @tf.function(input_signature=[spec])
    def representation(images):
        return {"default": model(images)}

    model.representation = representation
    tf.saved_model.save(model, str(path), signatures={"representation": representation})


def encoding(module: Path, data: Patterns, rounds: int = 5, num: int = 16384) -> str:
    """Speed of encoding for scores, images read and converted: medians over rounds."""
    import tensorflow as tf

    from deltavae.export.representation import load_representation

    widths = [(32, data.image_shape[-1], 32), (16, 32, 32), (8, 32, 64), (4, 64, 64)]
    operations = 2 * sum(side * side * 16 * before * after for side, before, after in widths)
    operations += 2 * (1024 * 256 + 256 * 10)
    matrix = tf.random.normal((2048, 2048))
    encode = load_representation(module)
    images = np.sort(np.random.default_rng(0).permutation(data.num_images)[:num])
    speeds, peaks = [], []
    for _ in range(rounds + 1):
        started = time.perf_counter()
        encode_once(data, lambda: encode, images, CodeCache(None, ""))
        encoded = time.perf_counter()
        for _ in range(10):
            tf.linalg.matmul(matrix, matrix).numpy()
        peaks.append(10 * 2 * 2048**3 / (time.perf_counter() - encoded))
        speeds.append(len(images) / (encoded - started))
    speed, peak = np.median(speeds[1:]), np.median(peaks[1:])  # the first round traces
    return (
        f"encoding {speed:,.0f} images/s, {speed * operations / peak:.0%} of the cores' peak "
        f"({peak / 1e9:.0f} GFLOP/s)"
    )


def ours(module: Path, data: Patterns, metrics: list[str], jobs: int | None) -> tuple[dict, float]:
    """Scores of our side, and its seconds for everything."""
    with tempfile.TemporaryDirectory() as output:
        started = time.perf_counter()
        scores = evaluate(
            representation=module,
            data=data,
            metrics=metrics,
            protocol="current",
            output_dir=output,
            jobs=jobs,
        )
        return scores["scores"], time.perf_counter() - started


def library(module: Path, data: Patterns, metric: str) -> tuple[float, float]:
    """The score of the library's own function, and its seconds."""
    # brings TensorFlow, which the worker processes, for which this file is read again, lack
    import tensorflow as tf

    from deltavae.export.representation import as_float_images

    loaded = tf.saved_model.load(str(module))  # no part of how this package encodes

    def encode(images):
        floats = tf.constant(as_float_images(images))
        return loaded.signatures["representation"](images=floats)["default"].numpy()

    started, worked = time.perf_counter(), time.process_time()
    result = run_metric(metric, data, encode, protocol="current", reference=True)
    wall, cpu = time.perf_counter() - started, time.process_time() - worked
    return result[METRICS[metric].scores[metric]], min(
        wall, cpu
    )  # the rest of the machine may be busy


def apart(function: Callable, *arguments) -> Any:
    """What the function returns in a process of its own, whose memory is not this one's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main() -> None:
    """Runs one shape and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="cars3d", help="sizes of the factors")
    parser.add_argument("--metrics", default=",".join(CHALLENGE), help="which, by commas")
    parser.add_argument("--repeats", type=int, default=1, help="runs of our side; medians count")
    parser.add_argument("--jobs", type=int, default=None, help="processes of our side")
    parser.add_argument("--ours_only", action="store_true", help="leave the library's side out")
    options = parser.parse_args()
    metrics = options.metrics.split(",")
    data = Patterns(options.shape)
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "module"
        apart(write_module, module, data.image_shape[-1])

        def median(chosen: list[str]) -> tuple[dict, float]:
            runs = [ours(module, data, chosen, options.jobs) for _ in range(options.repeats)]
            return runs[0][0], float(np.median([seconds for _, seconds in runs]))

        print(f"{options.shape}, d = 10, {os.cpu_count()} cores", flush=True)
        print(apart(encoding, module, data), flush=True)
        _, seconds = ours(module, data, metrics, options.jobs)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(f"first run, starting TensorFlow too: {seconds:.1f} s", flush=True)
        print(f"largest process {peak / 1e9:.2f} GB", flush=True)
        scores, together = median(metrics)
        alone = {}
        for metric in metrics:
            alone[metric] = median([metric])[1]
            print(f"{metric:18} ours {scores[metric]:.4f} in {alone[metric]:6.1f} s", flush=True)
        print(f"{'together':18} ours        in {together:6.1f} s", flush=True)
        if options.ours_only:
            return
        theirs = 0.0
        for metric in metrics:
            print(f"{metric:18} library begins at {time.strftime('%X')}", flush=True)
            score, seconds = library(module, data, metric)
            theirs += seconds
            print(
                f"{metric:18} library {score:.4f} in {seconds:6.1f} s   "
                f"{seconds / alone[metric]:6.1f} times   difference {scores[metric] - score:+.4f}",
                flush=True,
            )
        print(
            f"{'together':18} library        in {theirs:6.1f} s   {theirs / together:6.1f} times"
        )


if __name__ == "__main__":
    main()
