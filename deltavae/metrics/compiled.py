"""numba's compiler with its on-disk cache where one can be written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any] | None = None, /, **options: Any) -> Callable[..., Any]:
    """`numba.njit` that keeps its machine code on disk and doesn't insist on it.

    numba refuses at decoration (RuntimeError: no locator) when neither the package's folder
    nor the user's cache nor `NUMBA_CACHE_DIR` is writable, as in a read-only image. Then the
    function is compiled once in each process instead.

    Args:
        function: what to compile; None makes a decorator.
        options: handed on to `numba.njit`.
    """
    if function is None:
        return lambda wrapped: compiled(wrapped, **options)
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:
        return numba.njit(**options)(function)
