"""Codes that hold an angle: a cosine and a sine together, or one number in radians.

A pair of codes on one circle is one coordinate of the latent space, so the circular scores take
it as one code. Which codes form pairs is declared, or found from the codes themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

Circles = Sequence[tuple[int, ...]]
"""For each angle the two codes that hold its cosine and its sine, or the one that is it."""

# How far a pair's radius may vary around the circle, as a share of it: codes on a circle are
# exact to 1e-6, and noise of this size would move an angle by 0.06 degrees.
_RADIUS = 1e-3
# How far along the circle a pair must move, as a share of the radius: two nearly constant codes
# have a constant radius too.
_MOVED = 0.1


class Coordinates(NamedTuple):
    """Codes with each pair replaced by its angle.

    values: float64 (n, m), lines first, then angles in radians.
    is_angle: bool (m,).
    """

    values: np.ndarray
    is_angle: np.ndarray


def declared_angles(
    described: Sequence[Mapping[str, Any]] | None, readout: str, num_codes: int
) -> list[tuple[int, ...]] | None:
    """The codes that are angles by what a readout says of them; None if it names none.

    Args:
        described: what each code is, with its `kind` (`codes` of `deltavae.models.readouts` and
            of about.json); None from runs of before, whose readout `angles` had nothing else.
        readout: its name.
        num_codes: how many codes there are.
    """
    if described is None:
        return [(i,) for i in range(num_codes)] if readout == "angles" else None
    return [(i,) for i, code in enumerate(described) if code["kind"] == "angle"] or None


def find_circles(codes: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of codes that lie on a circle around 0, each code in one pair at most.

    Two codes of two values each are no circle: any two with values +-c and +-d, such as
    binary factors, have a constant radius.

    Args:
        codes: (n, k). A code that is part of several such pairs goes with the one whose radius
            varies least.
    """
    wide = codes.astype(np.float64)
    moving = np.flatnonzero(np.ptp(wide, axis=0) > 0)
    found = []
    for position, i in enumerate(moving.tolist()):
        for j in moving[position + 1 :].tolist():
            radius = np.hypot(wide[:, i], wide[:, j])
            largest = float(radius.max())
            varies = float(np.ptp(radius))
            moved = max(np.ptp(wide[:, i]), np.ptp(wide[:, j]))
            on_circle = varies <= _RADIUS * largest and moved >= _MOVED * largest
            if on_circle and any(_between(wide[:, k], _RADIUS * largest) for k in (i, j)):
                found.append((varies / largest, i, j))
    pairs: list[tuple[int, int]] = []
    for _, i, j in sorted(found):
        if not {i, j} & {code for pair in pairs for code in pair}:
            pairs.append((i, j))
    return sorted(pairs)


def _between(code: np.ndarray, tolerance: float) -> bool:
    """Whether a code (n,) has a value between its least and its greatest."""
    return bool(((code > code.min() + tolerance) & (code < code.max() - tolerance)).any())


def coordinates(codes: np.ndarray, circles: Circles) -> Coordinates:
    """The codes (n, k) with each pair of `circles` replaced by one angle."""
    wide = codes.astype(np.float64)
    on_circles = {code for circle in circles for code in circle}
    lines = [wide[:, i] for i in range(wide.shape[1]) if i not in on_circles]
    angles = [
        wide[:, circle[0]]
        if len(circle) == 1
        else np.arctan2(wide[:, circle[1]], wide[:, circle[0]])
        for circle in circles
    ]
    values = np.stack([*lines, *angles], axis=1)
    return Coordinates(values, np.arange(values.shape[1]) >= len(lines))
