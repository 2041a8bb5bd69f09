"""Settings as lists of assignments, in the vocabulary of disentanglement_lib's `hyperparams`.

A grid is a list of dictionaries from a gin name to a value; one dictionary is one setting.
"""

from collections.abc import Sequence
from itertools import product as cartesian

from deltavae.errors import UserError

Grid = list[dict[str, object]]


def fixed(name: str, value: object) -> Grid:
    """One setting: `name` has `value`."""
    return [{name: value}]


def column(name: str, values: Sequence[object]) -> Grid:
    """One setting for each value, repeated or not: what `zip_grids` joins.

    Raises:
        UserError: there is no value.
    """
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise UserError(
            f"the list of values of {name} is empty",
            expected="a list with at least one value",
            received=repr(values),
        )
    return [{name: value} for value in values]


def sweep(name: str, values: Sequence[object]) -> Grid:
    """One setting for each value.

    Raises:
        UserError: there is no value, or one is there twice.
    """
    settings = column(name, values)
    twice = [value for i, value in enumerate(values) if value in values[:i]]
    if twice:
        raise UserError(f"the sweep of {name} has a value twice", received=repr(twice[0]))
    return settings


def zip_grids(*grids: Grid) -> Grid:
    """Settings side by side: the first of each grid together, then the second, and so on.

    Raises:
        UserError: the grids have different lengths, or set one name twice.
    """
    lengths = [len(grid) for grid in grids]
    if len(set(lengths)) > 1:
        raise UserError(
            "a zip joins lists of one length",
            received=", ".join(
                f"{name}: {n}" for name, n in zip(_names(grids), lengths, strict=True)
            ),
        )
    return [_merge(settings) for settings in zip(*grids, strict=True)]


def product(*grids: Grid) -> Grid:
    """Every combination of one setting from each grid; the last grid varies fastest.

    Raises:
        UserError: two grids set the same name.
    """
    return [_merge(settings) for settings in cartesian(*grids)]


def _names(grids: Sequence[Grid]) -> list[str]:
    return ["+".join(grid[0]) if grid else "(empty)" for grid in grids]


def _merge(settings: Sequence[dict[str, object]]) -> dict[str, object]:
    merged: dict[str, object] = {}
    for setting in settings:
        for name, value in setting.items():
            if name in merged:
                raise UserError(f"{name} is set twice in one study")
            merged[name] = value
    return merged
