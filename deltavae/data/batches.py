"""A function of a few images at a time, applied to many."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from deltavae.data.dataset import GroundTruthData
from deltavae.data.subset import Subset

BATCH_SIZE = 256
"""Rows that are handed to an encoder or decoder at once: tens of megabytes of feature maps."""

ENCODED_TOGETHER = 32
"""Images that one core encodes at once: few, so that feature maps stay in its cache."""


def num_cores() -> int:
    """How many cores this process may use."""
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def map_batches(
    function: Callable[[np.ndarray], np.ndarray],
    rows: np.ndarray | GroundTruthData | Subset,
    indices: np.ndarray | None = None,
    *,
    threads: int = 0,
    batch_size: int = BATCH_SIZE,
    progress: Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Apply `function` to batches of rows and join what it returns.

    Args:
        function: rows (n, ...) to one result per row, (n, ...).
        rows: an array; or a data set, whose uint8 images at `indices` are read batch by batch.
        indices: integers (n,), with a data set.
        threads: how many batches are computed side by side; 0 computes in this thread. Images
            are read in this thread in any case.
        batch_size: rows of a batch; the last may have fewer.
        progress: called with (rows done, rows to do) after each batch.

    Returns:
        (n, ...), in the order of the rows.
    """
    if isinstance(rows, np.ndarray):
        total, read = len(rows), rows.__getitem__
    else:
        data, chosen = rows, np.asarray(indices)
        total, read = len(chosen), lambda part: data.images(chosen[part])
    results: list[np.ndarray] = []
    done = 0

    def add(result: np.ndarray) -> None:
        nonlocal done
        results.append(np.asarray(result))
        done += len(results[-1])
        if progress is not None:
            progress(done, total)

    # at least one batch, so that the result of no rows has its shape
    parts = [slice(start, start + batch_size) for start in range(0, max(1, total), batch_size)]
    if not threads:
        for part in parts:
            add(function(read(part)))
        return np.concatenate(results)
    at_work: deque[Future[np.ndarray]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for part in parts:
            at_work.append(pool.submit(function, read(part)))
            if len(at_work) > 2 * threads:  # no thread waits for an image to be read
                add(at_work.popleft().result())
        while at_work:
            add(at_work.popleft().result())
    return np.concatenate(results)
