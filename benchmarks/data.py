"""How fast the input pipeline is, and how little memory a set of a million images needs.

    python benchmarks/data.py speed
    python benchmarks/data.py drawing
    python benchmarks/data.py pixels
    python benchmarks/data.py custom
    python benchmarks/data.py memory [--set mpi3d_toy | shapes3d] [--steps 200] [--scratch DIR]

`drawing` draws the synthetic scenes anew, as the first start with them does. `pixels` says how
well a linear map tells the azimuth from ten principal components of their pixels. `custom` opens
a folder of 2,000 JPEG files of 512 x 512 pixels with a table of factors, first and again. `speed`
writes a dSprites file, reads it with disentanglement_lib's loader and generator and with ours, and
compares images per second; then it compares a training step on the pipeline with one on a single
resident batch. `memory` writes a file of the full public size (up to 12.7 GB, and as much again
for the cache; both are deleted), trains on it in a process of its own, and reports that
process's peak of anonymous memory. As root it also holds the process in a control group of 3 GB,
page cache included.
"""

import argparse
import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

GIGABYTE = 10**9
LIMIT = 3 * GIGABYTE
BATCH = 64


def write_dsprites(root: Path, positions: int = 8) -> None:
    """A dSprites file with fewer positions, cut from the synthetic sprites."""
    from deltavae.data import load

    sprites = load("sprites")
    sizes = np.array([1, 3, 6, 40, positions, positions])
    classes = np.stack(np.unravel_index(np.arange(sizes.prod()), sizes), -1)
    images = sprites.images(sprites.index_of(classes[:, 1:]))[..., 0] // 255
    (root / "dsprites").mkdir(parents=True)
    np.savez_compressed(
        root / "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        imgs=images,
        latents_classes=classes,
        metadata=np.array({"latents_sizes": sizes}, dtype=object),
    )


def images_per_second(dataset: object, batches: int) -> float:
    """Throughput after a warm-up of one batch."""
    iterator = iter(dataset)
    next(iterator)
    start = time.perf_counter()
    for _ in range(batches):
        next(iterator)
    return batches * BATCH / (time.perf_counter() - start)


def speed(root: Path) -> None:
    """Prints the comparison of generators and of training steps."""
    write_dsprites(root)
    os.environ["DISENTANGLEMENT_LIB_DATA"] = str(root)
    os.environ["DELTAVAE_CACHE"] = str(root / "cache")
    sys.modules.setdefault("gin.tf", types.ModuleType("gin.tf"))
    from disentanglement_lib.data.ground_truth import dsprites, util

    from deltavae.data import load
    from deltavae.data.pipeline import batches

    theirs = dsprites.DSprites([1, 2, 3, 4, 5])
    ours = load("dsprites_full")
    generator = util.tf_data_set_from_ground_truth_data(theirs, 0).batch(BATCH, True)
    slow, fast = [], []
    for trial in range(3):
        slow.append(images_per_second(generator, 20))
        fast.append(images_per_second(batches(ours, BATCH, 0, trial, 1001), 1000))
    ratio = statistics.median(fast) / statistics.median(slow)
    print(f"disentanglement_lib's generator {statistics.median(slow):12,.0f} images/s")
    print(f"deltavae's pipeline             {statistics.median(fast):12,.0f} images/s")
    print(f"ratio                           {ratio:12.1f}  (wanted: 20 or more)")
    for name in ("dsprites_full", "turntable"):
        _compare_steps(load(name))


def drawing(root: Path) -> None:
    """Print how long each dataset of drawn scenes takes, on one core."""
    os.environ["DELTAVAE_CACHE"] = str(root / "cache")
    from deltavae.data import load, names

    for name in (name for name in names() if name.startswith("turntable")):
        start = np.array([time.perf_counter(), time.process_time()])
        count = load(name).num_images
        wall, processor = np.array([time.perf_counter(), time.process_time()]) - start
        print(f"{name}: {count:,} images in {wall:.1f} s, {processor:.1f} s of the processor")


def pixels() -> None:
    """Print R² of the azimuth's cosine and sine on 2,000 images, fitted on 4,000 others."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression

    from deltavae.data import load

    for name in ("turntable", "turntable_marked", "turntable_hard"):
        data = load(name)
        chosen = np.random.RandomState(0).choice(data.num_images, 6000, replace=False)
        images = data.images(chosen).reshape(len(chosen), -1) / np.float32(255.0)
        angles = data.angles("azimuth")[data.factors(chosen)[:, 0]]
        targets = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        parts = PCA(10, random_state=0).fit(images[:4000]).transform(images)
        fitted = LinearRegression().fit(parts[:4000], targets[:4000])
        print(f"{name}: R² {fitted.score(parts[4000:], targets[4000:]):.2f}")


def custom(root: Path) -> None:
    """Print how long a folder of images takes to open, at first and once it is cached."""
    os.environ["DELTAVAE_CACHE"] = str(root / "cache")
    from PIL import Image

    from deltavae.data import load

    folder = root / "views"
    folder.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    rows = ["file,angle:circle,object"]
    for i in range(2000):
        picture = Image.fromarray(np.roll(noise, i, (0, 1)))
        picture.resize((512, 512), Image.Resampling.BICUBIC).save(folder / f"{i}.jpg")
        rows.append(f"{i}.jpg,{9 * (i % 40)} deg,{i // 40}")
    (folder / "factors.csv").write_text("\n".join(rows))
    for what in ("first", "again"):
        start = time.perf_counter()
        digest = load(str(folder)).digest
        print(f"{what}: {time.perf_counter() - start:.2f} s, digest {digest[:16]}")


def _compare_steps(data: object, steps: int = 20, trials: int = 8) -> None:
    import tensorflow as tf

    from deltavae.config import configured
    from deltavae.data.pipeline import batches

    with configured(["gin/base.gin"]) as experiment:
        model = experiment.model(data.image_shape)
    model.compile(optimizer="adam")
    resident = next(iter(batches(data, BATCH, 0, 0, 1)))
    resident = tf.data.Dataset.from_tensors(resident).repeat(steps)
    model.fit(resident, verbose=0, shuffle=False)
    model.fit(batches(data, BATCH, 0, 0, steps), verbose=0, shuffle=False)
    times = {"resident": [], "pipeline": []}
    for trial in range(trials):
        kinds = [("resident", resident), ("pipeline", batches(data, BATCH, 0, trial, steps))]
        for kind, dataset in kinds if trial % 2 else reversed(kinds):
            start = np.array([time.perf_counter(), time.process_time()])
            model.fit(dataset, verbose=0, shuffle=False)
            end = np.array([time.perf_counter(), time.process_time()])
            times[kind].append(1e3 * (end - start) / steps)
    # The least time of each is the one least disturbed by whatever else the machine does;
    # on a busy machine only the processor's time says something.
    resident, pipeline = (np.min(times[kind], axis=0) for kind in ("resident", "pipeline"))
    for i, clock in enumerate(("wall", "processor")):
        excess = pipeline[i] / resident[i] - 1
        print(
            f"{data.name}, {clock} time of a step: {resident[i]:.1f} ms on one resident batch, "
            f"{pipeline[i]:.1f} ms on the pipeline: {excess:+.1%}  (wanted: below +3%)"
        )


def write_full(root: Path, name: str) -> None:
    """A file of the full public size: the pictures of `turntable`, over and over."""
    from deltavae.data import load

    pictures = load("turntable")
    count = 480_000 if name == "shapes3d" else 1_036_800

    def blocks() -> Iterator[np.ndarray]:
        for start in range(0, count, 4096):
            index = np.arange(start, min(start + 4096, count)) * 7 % pictures.num_images
            yield pictures.images(index)

    if name == "shapes3d":
        import h5py

        (root / "3dshapes").mkdir(parents=True)
        with h5py.File(root / "3dshapes/3dshapes.h5", "w") as file:
            target = file.create_dataset("images", (count, 64, 64, 3), np.uint8)
            for start, block in zip(range(0, count, 4096), blocks(), strict=True):
                target[start : start + len(block)] = block
        return
    (root / name).mkdir(parents=True)
    with zipfile.ZipFile(root / name / f"{name}.npz", "w", allowZip64=True) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as stream:
            header = {"descr": "|u1", "fortran_order": False, "shape": (count, 64, 64, 3)}
            np.lib.format.write_array_header_1_0(stream, header)
            for block in blocks():
                stream.write(block.data)


def train_inside(name: str, root: Path, steps: int) -> None:
    """What the measured process does: open, cache, train; prints its figures as JSON."""
    start = time.perf_counter()
    from deltavae.data import load

    data = load(name, root)
    decoding = time.perf_counter() - start
    start = time.perf_counter()
    data = load(name, root)
    opening = time.perf_counter() - start
    from deltavae.config import configured
    from deltavae.data.pipeline import batches

    with configured(["gin/base.gin"]) as experiment:
        model = experiment.model(data.image_shape)
    model.compile(optimizer="adam")
    start = time.perf_counter()
    history = model.fit(batches(data, BATCH, 0, 0, steps), verbose=0, shuffle=False)
    training = time.perf_counter() - start
    assert math.isfinite(history.history["loss"][-1])
    print(json.dumps({"decoding": decoding, "opening": opening, "step": training / steps}))


@contextlib.contextmanager
def control_group() -> Iterator[Path | None]:
    """A control group of 3 GB of memory, page cache included; None where none can be made."""
    old, new = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
    folder = (old if old.is_dir() else new) / f"deltavae_benchmark_{os.getpid()}"
    limit = "memory.limit_in_bytes" if old.is_dir() else "memory.max"
    try:
        folder.mkdir()
        (folder / limit).write_text(str(LIMIT))
    except OSError:
        with contextlib.suppress(OSError):
            folder.rmdir()
        yield None
        return
    try:
        yield folder
    finally:
        time.sleep(0.5)
        folder.rmdir()


def anonymous_bytes(process: int) -> int:
    """Anonymous memory of a process, 0 if it has ended."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("Anonymous")).split()[1])
    return 0


def memory(name: str, root: Path, steps: int) -> None:
    """Prints the peak of a training process's anonymous memory, and whether it held 3 GB."""
    write_full(root, name)
    environment = os.environ | {"DELTAVAE_CACHE": str(root / "cache")}
    command = [sys.executable, __file__, "inside", "--set", name, "--steps", str(steps)]
    command += ["--scratch", str(root)]
    with control_group() as group:

        def enter() -> None:
            if group is not None:
                (group / "cgroup.procs").write_text(str(os.getpid()))

        worker = subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, preexec_fn=enter, text=True
        )
        peak = 0
        while worker.poll() is None:
            peak = max(peak, anonymous_bytes(worker.pid))
            time.sleep(0.1)
        printed = worker.communicate()[0]
    held = "inside a 3 GB control group" if group else "with no control group to hold it"
    if worker.returncode:
        sys.exit(f"{name}: training {held} ended with status {worker.returncode}")
    figures = json.loads(printed.splitlines()[-1])
    size = sum(path.stat().st_size for path in (root / "cache").iterdir()) / GIGABYTE
    print(f"{name}: {size:.1f} GB of images, {steps} steps {held}")
    print(f"peak of anonymous memory {peak / GIGABYTE:.2f} GB  (wanted: below 3 GB)")
    print(f"decoding, once {figures['decoding']:.0f} s; opening the cached set", end=" ")
    print(f"{figures['opening']:.3f} s  (wanted: below 2 s); step {1e3 * figures['step']:.1f} ms")


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "part", choices=["speed", "drawing", "pixels", "custom", "memory", "inside"]
    )
    parser.add_argument("--set", default="mpi3d_toy", choices=["mpi3d_toy", "shapes3d"])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--scratch", type=Path, help="where the files go; default: temporary")
    options = parser.parse_args()
    if options.part == "inside":
        train_inside(options.set, options.scratch, options.steps)
        return
    with tempfile.TemporaryDirectory(dir=options.scratch) as folder:
        if options.part == "speed":
            speed(Path(folder))
        elif options.part == "drawing":
            drawing(Path(folder))
        elif options.part == "custom":
            custom(Path(folder))
        elif options.part == "pixels":
            pixels()
        else:
            memory(options.set, Path(folder), options.steps)


if __name__ == "__main__":
    main()
