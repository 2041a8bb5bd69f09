"""numba's compiler with its on-disk cache where one can be written."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Callable[..., Any]:
    """`numba.njit` that keeps its machine code on disk and doesn't insist on it.

    numba refuses at decoration (RuntimeError: no locator) when neither the package's folder
    nor the user's cache nor `NUMBA_CACHE_DIR` is writable, as in a read-only image. Then the
    function is compiled once in each process instead.

    numba forgets cached code when the function's own file changes, though the code holds what
    it calls from other files too. Here every compiled function is stamped with the contents of
    all of them.

    Args:
        function: what to compile; None makes a decorator.
        options: handed on to `numba.njit`.
    """
    if function is None:
        return lambda wrapped: compiled(wrapped, **options)
    try:
        dispatcher = numba.njit(cache=True, **options)(function)
        dispatcher._cache._cache_file._source_stamp = _sources()
    except (AttributeError, RuntimeError):
        return numba.njit(**options)(function)
    return dispatcher


@functools.cache
def _sources() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
