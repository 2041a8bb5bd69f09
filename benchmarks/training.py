"""Steps per second of training: this package beside other ways to train the same networks.

    python benchmarks/training.py [--torch PYTHON] [--python_2019 PYTHON] [--cores 1] ...

Convolutional pair, batch 64, float32, 64x64x1 and 64x64x3, Adam. Each side is a process of its
own, started once and asked in turn for a few steps; medians over the rounds and ratios are
printed, and beside them the share of the speed that a large matrix product reaches.

    package            the package's loop: its step, posterior, batches, means and guard
    keras              the same networks of stock Keras layers, a normal posterior, one compiled
                       step, one batch that stays in memory
    torch              the same in PyTorch, NCHW; torch_last: channels-last memory
    tf1                disentanglement_lib's own trainer of 2019 on TensorFlow 1.13

With `--baselines` the sides are instead the six models of `gin/baselines` and the plain VAE, each
in this package's loop and, with `--python_2019`, in disentanglement_lib's trainer.

On one core the time is the process's CPU time, so that a busy machine disturbs it little.
"""

import argparse
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

BATCH = 64
BASELINES = ("beta_vae", "annealed_vae", "factor_vae", "dip_vae_i", "dip_vae_ii", "beta_tcvae")
HERE = pathlib.Path(__file__).resolve().parent


def encoder_operations(channels: int) -> list[int]:
    """Multiplications for an image in each convolution of the encoder."""
    return [1024 * 16 * channels * 32, 256 * 16 * 32 * 32, 64 * 4 * 32 * 64, 16 * 4 * 64 * 64]


def decoder_operations(channels: int) -> list[int]:
    """Multiplications for an image in each transposed convolution of the decoder."""
    return [16 * 16 * 64 * 64, 64 * 16 * 64 * 32, 256 * 16 * 32 * 32, 1024 * 16 * 32 * channels]


def operations(channels: int) -> float:
    """Floating-point operations of a step: products forward, and twice that backward."""
    encoder, decoder = encoder_operations(channels), decoder_operations(channels)
    dense = [1024 * 256, 256 * 1024]
    # the images need no gradient
    return 2.0 * BATCH * (3 * sum(encoder + decoder + dense) - encoder[0])


class Side:
    """A worker process that makes steps when it is asked to."""

    def __init__(self, name: str, python: str, channels: int, cores: int) -> None:
        self.seconds: list[float] = []
        self.cores = cores
        own = not name.startswith("tf1")
        script = HERE / ("training_sides.py" if own else "training_2019.py")
        environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": str(cores)}
        # some machines name a kernel for old numerical libraries, which slows new ones
        for variable in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
            environment.pop(variable, None)
        pinned = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[-cores:]))]
        self.process = subprocess.Popen(
            [*pinned, python, "-W", "ignore", str(script), name, str(channels)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            text=True,
        )

    def measure(self, steps: int, keep: bool = True) -> None:
        """Ask for `steps` steps and note the seconds that one took."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("seconds "):
                cpu, wall = map(float, line.split()[1:])
                if keep:
                    self.seconds.append((cpu if self.cores == 1 else wall) / steps)
                return
        raise SystemExit(f"a side ended: {self.process.args}")

    def close(self) -> None:
        """End the worker."""
        self.process.kill()
        self.process.wait()


def take_turns(sides: dict[str, Side], rounds: int, steps: int) -> None:
    """Let each side make its steps in turn, so that all see the same machine; end them."""
    try:
        for side in sides.values():
            side.measure(3, keep=False)
        for _ in range(rounds):
            for name, side in sides.items():
                side.measure(1 if name == "peak" else steps)
    finally:
        for side in sides.values():
            side.close()


def compare_baselines(options: argparse.Namespace, models: tuple[str, ...], channels: int) -> None:
    """Print each model's step beside the plain VAE's and beside disentanglement_lib's.

    Ratios are medians over the rounds of the ratio within a round. The models are measured one
    after the other, each beside the plain VAE, so that few processes are in memory at once.
    """
    print(f"64x64x{channels}, {options.cores} core(s), milliseconds per step")
    print(f"{'model':14s} {'package':>8s} {'to plain VAE':>13s} {'2019':>8s} {'to package':>11s}")
    for model in models:
        names = ["package/vae", f"package/{model}"]
        if options.python_2019:
            names.append(f"tf1/{model}")
        sides = {
            name: Side(
                name,
                sys.executable if name.startswith("package") else options.python_2019,
                channels,
                options.cores,
            )
            for name in names
        }
        take_turns(sides, options.rounds, options.steps)
        plain, package, *others = (side.seconds for side in sides.values())
        row = f"{model:14s} {1e3 * statistics.median(package):8.1f} {ratio(package, plain):12.3f}x"
        for other in others:
            row += f" {1e3 * statistics.median(other):8.1f} {ratio(other, package):10.2f}x"
        print(row, flush=True)


def ratio(seconds: list[float], others: list[float]) -> float:
    """The median over the rounds of the ratio of two sides."""
    return statistics.median(a / b for a, b in zip(seconds, others, strict=True))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--torch", metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--python_2019", metavar="PYTHON", help="scripts/evaluator_2019.sh's")
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=10, help="in each round")
    parser.add_argument("--channels", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--baselines", nargs="*", choices=BASELINES, help="all six if none named")
    options = parser.parse_args()
    if options.baselines is not None:
        for channels in options.channels:
            compare_baselines(options, options.baselines or BASELINES, channels)
        return
    pythons = {"peak": sys.executable, "package": sys.executable, "keras": sys.executable}
    if options.torch:
        pythons |= {"torch": options.torch, "torch_last": options.torch}
    if options.python_2019:
        pythons["tf1"] = options.python_2019
    began = time.monotonic()
    for channels in options.channels:
        sides = {n: Side(n, python, channels, options.cores) for n, python in pythons.items()}
        take_turns(sides, options.rounds, options.steps)
        # "peak" makes one product of two 2048x2048 matrices a step
        peak = 2.0 * 2048**3 / statistics.median(sides["peak"].seconds)
        package = statistics.median(sides["package"].seconds)
        print(f"64x64x{channels}, {options.cores} core(s), peak {peak / 1e9:.0f} GFLOP/s")
        print(f"{'side':12s} {'steps/s':>8s} {'range':>14s} {'package is':>11s} {'of peak':>8s}")
        for name, side in sides.items():
            if name == "peak":
                continue
            middle = statistics.median(side.seconds)
            ratios = [a / b for a, b in zip(side.seconds, sides["package"].seconds, strict=True)]
            low, high = 1 / max(side.seconds), 1 / min(side.seconds)
            print(
                f"{name:12s} {1 / middle:8.2f} {low:6.2f} - {high:5.2f} "
                f"{statistics.median(ratios):10.2f}x {operations(channels) / middle / peak:8.0%}"
            )
        assert math.isfinite(package)
    print(f"measured in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
