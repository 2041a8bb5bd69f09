"""Writes small datasets in the public formats, from random pixels."""

import gzip
import math
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from PIL import Image

DSPRITES_SIZES = (1, 3, 2, 5, 4, 4)
NORB_SIZES = (2, 4, 3, 6, 2)
SHAPES3D_SIZES = (2, 3, 2, 2, 4, 3)
MPI3D_SIZES = (3, 2, 2, 3, 2, 4, 2)
ISAAC3D_SIZES = (3, 2, 2, 1, 2, 1, 2, 2, 2)
FALCOR3D_SIZES = (2, 3, 2, 2, 2, 1, 2)


def write_dsprites(root: Path) -> None:
    rng = np.random.default_rng(0)
    sizes = np.array(DSPRITES_SIZES)
    classes = np.stack(np.unravel_index(np.arange(sizes.prod()), DSPRITES_SIZES), -1)
    images = rng.integers(0, 2, (len(classes), 64, 64), dtype=np.uint8)
    (root / "dsprites").mkdir(parents=True)
    np.savez_compressed(
        root / "dsprites/dsprites_ndarray_co1sh3sc6or40x32y32_64x64.npz",
        imgs=images,
        latents_classes=classes,
        metadata=np.array({"latents_sizes": sizes}, dtype=object),
    )
    (root / "scream").mkdir()
    picture = rng.integers(0, 256, (300, 240, 3), dtype=np.uint8)
    Image.fromarray(picture).resize((480, 600)).save(root / "scream/scream.jpg")


def write_cars(root: Path, count: int = 3) -> None:
    rng = np.random.default_rng(1)
    (root / "cars").mkdir(parents=True)
    for i in range(count):
        # Few levels and large pixels: as the public files, these are compressed.
        pictures = rng.integers(0, 8, (32, 32, 3, 24, 4), dtype=np.uint8) * np.uint8(36)
        pictures = pictures.repeat(4, axis=0).repeat(4, axis=1)
        content = {"im": pictures, "mask": 0}
        scipy.io.savemat(root / f"cars/car_{i:03d}_mesh.mat", content, do_compression=True)


def write_matrix(path: Path, array: np.ndarray, zipped: bool = False) -> None:
    magic = {np.dtype(np.uint8): 0x1E3D4C55, np.dtype(np.int32): 0x1E3D4C54}[array.dtype]
    lengths = [*array.shape, 1, 1][: max(3, array.ndim)]
    head = np.array([magic, array.ndim, *lengths], "<i4").tobytes()
    content = head + array.tobytes()
    path.write_bytes(gzip.compress(content) if zipped else content)


def write_norb(root: Path, zipped: bool = False) -> None:
    rng = np.random.default_rng(2)
    (root / "small_norb").mkdir(parents=True)
    table = np.stack(np.unravel_index(np.arange(math.prod(NORB_SIZES)), NORB_SIZES), -1)
    table = rng.permutation(table).astype(np.int32)
    table[:, 3] *= 2
    for chunk, rows in zip(
        ("5x46789x9x18x6x2x96x96-training", "5x01235x9x18x6x2x96x96-testing"),
        np.array_split(table, 2),
        strict=True,
    ):
        # Hard black and white edges, so that the resize overshoots.
        images = rng.integers(0, 2, (len(rows), 2, 12, 12), dtype=np.uint8) * np.uint8(255)
        images = np.ascontiguousarray(images.repeat(8, axis=2).repeat(8, axis=3))
        for part, array in (("dat", images), ("cat", rows[:, 0]), ("info", rows[:, 1:])):
            name = f"smallnorb-{chunk}-{part}.mat" + (".gz" if zipped else "")
            write_matrix(root / "small_norb" / name, np.ascontiguousarray(array), zipped)


def shapes3d_images() -> np.ndarray:
    rng = np.random.default_rng(3)
    return rng.integers(0, 256, (math.prod(SHAPES3D_SIZES), 64, 64, 3), dtype=np.uint8)


def write_shapes3d(root: Path) -> None:
    """The .h5 as published, and the .npz that disentanglement_lib reads."""
    (root / "3dshapes").mkdir(parents=True)
    images = shapes3d_images()
    labels = np.zeros((len(images), 6))
    with h5py.File(root / "3dshapes/3dshapes.h5", "w") as file:
        file.create_dataset("images", data=images, compression="gzip", compression_opts=1)
        file.create_dataset("labels", data=labels)
    name = "look-at-object-room_floor-hueXwall-hueXobj-hueXobj-sizeXobj-shapeXview-azi.npz"
    np.savez(
        root / "3dshapes" / name,
        images=images.reshape(*SHAPES3D_SIZES, 64, 64, 3),
        labels=labels.reshape(*SHAPES3D_SIZES, 6),
    )


def write_mpi3d(root: Path, name: str, file: str | None = None) -> None:
    rng = np.random.default_rng(4)
    (root / name).mkdir(parents=True)
    images = rng.integers(0, 256, (math.prod(MPI3D_SIZES), 64, 64, 3), dtype=np.uint8)
    np.savez_compressed(root / name / f"{file or name}.npz", images=images)


def write_rendered(folder: Path, labels: str, sizes: tuple[int, ...]) -> None:
    """Images of 128 x 128 that show their number, and labels spread over [0, 1]."""
    table = np.stack(np.unravel_index(np.arange(math.prod(sizes)), sizes), -1)
    (folder / "images").mkdir(parents=True)
    with (folder / labels).open("wb") as file:
        np.save(file, table / np.maximum(np.array(sizes) - 1, 1))
    for number in range(len(table)):
        pixels = np.full((128, 128, 3), 16, np.uint8)
        # Eight bars of 16 columns: the bits of the number.
        for bit in range(8):
            pixels[:, 16 * bit : 16 * bit + 16, 1] = 224 * (number >> bit & 1)
        Image.fromarray(pixels).save(folder / "images" / f"{number:06d}.png")
