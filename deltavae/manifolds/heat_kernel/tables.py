"""The tables of the heat kernel, shipped for d <= 50, made once and kept for larger d."""

import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from deltavae.manifolds.heat_kernel import build_tables


@functools.cache
def _shipped() -> dict[str, np.ndarray]:
    with np.load(build_tables.SHIPPED_FILE) as archive:
        return {name: archive[name] for name in archive.files}


def _cache_file(dim: int) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "deltavae" / f"heat_kernel_{dim}.npz"


@functools.cache
def load(dim: int) -> dict[str, np.ndarray]:
    """Tables of dimension ``dim``, as `build_tables.build` returns them.

    Dimensions above 50 take about ten seconds at the first use, and are then kept below
    XDG_CACHE_HOME (by default ~/.cache), where that can be written.
    """
    if dim in build_tables.SHIPPED_DIMS:
        row = dim - build_tables.SHIPPED_DIMS.start
        return {name: table[row] for name, table in _shipped().items()}
    path = _cache_file(dim)
    if path.exists():
        with np.load(path) as archive:
            return {name: archive[name] for name in archive.files}
    tables: dict[str, Any] = build_tables.build(dim)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".npz", delete=False) as file:
            np.savez(file, **tables)
        os.replace(file.name, path)
    except OSError:
        pass  # a read-only home costs time at the next start, nothing else
    return tables
