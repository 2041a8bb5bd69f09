"""Where the CPU time of a training step goes, by kinds of operations, by TensorFlow's profiler.

    python benchmarks/step_profile.py [--channels 1] [--steps 40] [--layers]

The package's step of the convolutional pair at batch 64 on one core, as `training.py` measures it.
An operation's time is the lower quartile over the steps, so that a busy machine disturbs it
little. The convolutions' time at peak is that of their operations, without multiplying by
padding, at the speed of a large matrix product. `--layers` prints each operation by itself.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import training
import training_sides

KINDS = {
    "convolutions, gradient of the kernel": ("Conv2DBackpropFilter",),
    "convolutions to larger images": ("Conv2DBackpropInput",),
    "convolutions to smaller images, and the decoder's last": ("Conv2D", "FusedConv2D"),
    "matrix products": ("MatMul", "FusedMatMul"),
    "biases and ReLUs": ("BiasAdd", "BiasAddGrad", "Relu", "ReluGrad"),
    "Adam": ("ResourceApplyAdam",),
    "batches": ("PyFuncStateless",),
}


def at_peak(channels: int, peak: float) -> list[float]:
    """Milliseconds that each of the three kinds of convolutions takes at `peak` FLOP/s."""
    first, *encoder = training.encoder_operations(channels)
    *decoder, last = training.decoder_operations(channels)
    kernels = sum([first, *encoder, *decoder, last])
    larger = sum([*encoder, *decoder])  # the images need no gradient
    smaller = sum([first, *encoder, *decoder, 2 * last])
    return [2e3 * training.BATCH * each / peak for each in (kernels, larger, smaller)]


def profile(channels: int, steps: int) -> dict[tuple[str, str], float]:
    """Milliseconds a step of each operation, by (kind, name)."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    run = training_sides.package(channels)
    run(5)
    with tempfile.TemporaryDirectory() as folder:
        options = tf.profiler.experimental.ProfilerOptions(
            host_tracer_level=3, python_tracer_level=0
        )
        with tf.profiler.experimental.Profile(folder, options):
            run(steps)
        traced = xplane_pb2.XSpace()
        traced.ParseFromString(next(Path(folder).rglob("*.xplane.pb")).read_bytes())
    durations = defaultdict(list)
    for plane in traced.planes:
        for line in plane.lines:
            for event in line.events:
                durations[plane.event_metadata[event.metadata_id].name].append(event.duration_ps)
    found = {}
    for event, values in durations.items():
        name, colon, kind = event.rpartition(":")
        is_operation = colon and "::" not in event and kind.lstrip("_").isalnum()
        kind = kind.removeprefix("_").removeprefix("Mkl").removeprefix("Native")
        if is_operation and len(values) >= steps:
            found[kind, name] = np.quantile(values, 0.25) * len(values) / steps / 1e9
    return found


def main() -> None:
    """Profile and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--layers", action="store_true", help="each operation by itself")
    options = parser.parse_args()
    # before TensorFlow is imported, which makes a thread for each core that it finds
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1"}
    product = training_sides.peak(0)
    product(3)
    for channels in options.channels:
        seconds = []
        for _ in range(20):
            start = time.process_time()
            product(1)
            seconds.append(time.process_time() - start)
        peak = 2.0 * 2048**3 / statistics.median(seconds)
        found = profile(channels, options.steps)
        left = at_peak(channels, peak)
        print(f"64x64x{channels}, peak {peak / 1e9:.0f} GFLOP/s, ms a step")
        for title, kinds in KINDS.items():
            total = sum(ms for (kind, _), ms in found.items() if kind in kinds)
            print(f"{title:56s} {total:6.2f}", f"{left.pop(0):6.2f} at peak" if left else "")
        known = [kind for kinds in KINDS.values() for kind in kinds]
        others = [ms for (kind, _), ms in found.items() if kind not in known]
        print(f"{f'{len(others)} other operations':56s} {sum(others):6.2f}")
        print(f"{f'all {len(found)} operations':56s} {sum(found.values()):6.2f}", flush=True)
        if options.layers:
            for (kind, name), ms in sorted(found.items(), key=lambda item: -item[1]):
                print(f"{ms:8.3f} {kind:22s} {name}")


if __name__ == "__main__":
    main()
