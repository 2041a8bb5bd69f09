"""Codes of images, made once for all metrics and kept on disk by what they were made from."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from deltavae.data import GroundTruthData
from deltavae.data.batches import ENCODED_TOGETHER, map_batches, num_cores
from deltavae.errors import UserError
from deltavae.io import atomic_write

# Part of the name of a cache's file. Raise it when a change alters codes, even by rounding only,
# so that no score mixes codes that were computed in two ways.
_ARITHMETIC = 3
# A code whose range is at most this share of its largest magnitude is constant but for rounding:
# 32 units in the last place of float32. Codes of one image in batches of different sizes differ
# by a few of them, and a histogram of 20 bins needs 20.
ROUNDING = 32 * float(np.finfo(np.float32).eps)
# Values that a code may have and still be a category: the largest codebooks have 512 entries.
MAX_CATEGORIES = 512
# Below it, squares vanish in float32.
_TINY = 1e-22
Encoder = Callable[[np.ndarray], np.ndarray]


def digest_files(paths: Iterable[Path]) -> str:
    """SHA-256 of the contents of these files and of all below these folders."""
    digest = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(str(file.relative_to(path)).encode() + file.read_bytes())
    return digest.hexdigest()


class CodeCache:
    """Codes by image number in one file, checked when read.

    Args:
        folder: where the files are; None keeps nothing.
        key: what the codes depend on: digests of the module and of the data set.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._file = folder / f"{key[:32]}-{_ARITHMETIC}.npz" if folder else None

    def read(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Image numbers and their codes; None if there are none, or a damaged file."""
        if self._file is None or not self._file.is_file():
            return None
        try:
            with self._file.open("rb") as file, np.load(file, allow_pickle=False) as entry:
                indices, codes, digest = entry["indices"], entry["codes"], str(entry["digest"])
        except Exception:  # a damaged archive raises nearly anything
            return None
        return (indices, codes) if digest == _digest(indices, codes) else None

    def write(self, indices: np.ndarray, codes: np.ndarray) -> None:
        """Keeps the codes (n, k) of the images `indices` (n,)."""
        if self._file is not None:
            buffer = io.BytesIO()
            np.savez(buffer, indices=indices, codes=codes, digest=_digest(indices, codes))
            atomic_write(self._file, buffer.getbuffer())


def _digest(indices: np.ndarray, codes: np.ndarray) -> str:
    digest = hashlib.sha256()
    for part in (np.ascontiguousarray(indices), np.ascontiguousarray(codes)):
        digest.update(part.data)  # not a copy of tens of megabytes
    digest.update(str(codes.shape).encode())
    return digest.hexdigest()


def encode_once(
    data: GroundTruthData,
    encoder: Callable[[], Encoder],
    needed: np.ndarray,
    cache: CodeCache,
    progress: Callable[[int, int], object] | None = None,
    keep: bool = True,
) -> np.ndarray:
    """Codes of the needed images, each encoded once, or never if the cache has it.

    Args:
        data: where the images are.
        encoder: a function without arguments that makes the encoder, of uint8 images; called
            only if needed.
        needed: ascending image numbers.
        cache: read first, and written if anything was encoded.
        progress: called with (images done, images to do).
        keep: False leaves the cache as it is.

    Returns:
        float32 (num_images, k); rows that are not needed are NaN, in the cache or not, so that
        what is made of all codes does not depend on what was encoded before.

    Raises:
        UserError: a code is not finite.
    """
    indices, rows = cache.read() or (np.zeros(0, np.int64), None)
    missing = np.setdiff1d(needed, indices, assume_unique=True)
    if len(missing):
        made = _encode(data, encoder(), missing, progress)
        indices = np.concatenate([indices, missing])
        rows = made if rows is None else np.concatenate([rows, made])
        require_finite(rows)
        if keep:
            cache.write(indices, rows)
    if rows is None:
        raise UserError("no image was asked for", expected="at least one")
    codes = np.full((data.num_images, rows.shape[1]), np.nan, np.float32)
    kept = np.isin(indices, needed, assume_unique=True)
    codes[indices[kept]] = rows[kept]
    return codes


def _encode(
    data: GroundTruthData,
    encode: Encoder,
    indices: np.ndarray,
    progress: Callable[[int, int], object] | None,
) -> np.ndarray:
    """Codes of the images at `indices`, float32 (n, k)."""

    def encode_batch(images: np.ndarray) -> np.ndarray:
        made = np.asarray(encode(images), np.float32)
        if made.ndim != 2 or len(made) != len(images):
            raise UserError(
                "the representation doesn't give one code per image",
                expected=f"shape ({len(images)}, k)",
                received=made.shape,
            )
        return made

    def tell(done: int, total: int) -> None:
        if progress is not None:
            progress(min(done, len(indices)), len(indices))

    # whole batches only: in one of another size a code may differ by rounding
    whole = np.pad(indices, (0, -len(indices) % ENCODED_TOGETHER), "edge")
    codes = map_batches(
        encode_batch,
        data,
        whole,
        threads=num_cores(),
        batch_size=ENCODED_TOGETHER,
        progress=tell,
    )
    return codes[: len(indices)]


def require_finite(codes: np.ndarray, what: str = "codes") -> None:
    """Raise `UserError` if a code is NaN or infinite; `what` names them."""
    bad = np.flatnonzero(~np.isfinite(codes).all(axis=1))
    if len(bad):
        raise UserError(
            f"{what} are not finite",
            expected="finite numbers",
            received=f"others in {len(bad)} of {len(codes)} rows, first in row {bad[0]}",
        )


def require_categories(rows: np.ndarray) -> None:
    """Raise `UserError` if a code (n, k) has too many values to be a category."""
    most = min(MAX_CATEGORIES, len(rows) // 2)
    values = np.array([len(np.unique(column)) for column in rows.T])
    if values.max() > most:
        raise UserError(
            "the codes are continuous, but scored as categories (--discrete)",
            expected=f"at most {most} values of each code",
            received=f"{values.max():,} values of code {values.argmax()}",
            advice="Leave --discrete out.",
        )


def constant_codes(rows: np.ndarray) -> np.ndarray:
    """Which codes are constant but for rounding, bool (k,).

    Args:
        rows: float32 (n, k), the codes of all images that are used.
    """
    highest, lowest = (bound(axis=0).astype(np.float64) for bound in (rows.max, rows.min))
    magnitude = np.maximum(np.abs(highest), np.abs(lowest))
    return highest - lowest <= np.maximum(ROUNDING * magnitude, _TINY)


def constant_as_zero(rows: np.ndarray) -> np.ndarray:
    """Codes (n, k) with 0 for those that are constant but for rounding, which has no bins."""
    return np.where(constant_codes(rows), np.zeros((), rows.dtype), rows)
