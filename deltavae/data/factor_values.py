"""What the entries of a column of factors mean: numbers however they are written, or labels.

A column is a factor. Equal entries are one value: "1", "1.0", "01", " 1 " and "1e0" are, and
so are "15 deg" and "15°". Values are ordered by number, labels in natural order ("view 10"
after "view 9"). What could mean two things is refused.
"""

import itertools
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from deltavae.data.dataset import Factor
from deltavae.errors import UserError

_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?)\s*([^\d\s.,;:/+-][^\d]*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_MISSING = {"na", "n/a", "nan", "none", "null", "nil", "missing", "inf", "infinity", "-", "?"}
# Minus signs and degree signs that look like the usual ones.
_LOOKALIKES = str.maketrans("\u2212\u2010\u2011\ufe63\uff0d\u00ba\u02da", "-----\u00b0\u00b0")
_UNITS = {
    "°": "deg",
    "degree": "deg",
    "degrees": "deg",
    "radian": "rad",
    "radians": "rad",
    "turns": "turn",
    "π": "pi",
}
_FULL_TURN = {"deg": 360.0, "rad": 2 * math.pi, "turn": 1.0, "pi": 2.0}
# How far from equal steps the values on a circle may lie, in steps, because they were rounded.
_ROUNDED = 0.02
# Numbers 0, 1, 2, ... up to here are steps of a full turn; further on they may be degrees.
_MAX_STEPS = 90


@dataclass(frozen=True)
class Column:
    """A column of a table of factors.

    Attributes:
        factor: what varies.
        values: the value of each row, int64 (n,), 0 <= value < factor.size.
        warnings: what whoever uses it should know, a line each.
    """

    factor: Factor
    values: np.ndarray
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Entry:
    text: str
    number: Decimal | None
    unit: str


def read_column(header: str, cells: Sequence[str], where: str, rows: Sequence[str]) -> Column:
    """Read one column.

    Args:
        header: `name`, `name:circle` or `name:circle=360`, the length of a full turn in the
            units of the values.
        cells: the entries.
        where: the file, for errors.
        rows: what each entry's row in it is called, for errors.

    Raises:
        UserError: an entry is missing, or the column could mean two things.
    """
    name, circle, turn = read_header(header, where)
    what = f"{name!r} in {where}"
    first: dict[str, int] = {}
    for i, cell in enumerate(cells):
        first.setdefault(cell, i)
    entries = {cell: _entry(cell) for cell in first}
    numbers = [entry for entry in entries.values() if entry.number is not None]
    for cell, i in first.items():
        text = entries[cell].text
        if not text or (numbers and text.lstrip("+-").lower() in _MISSING | {""}):
            raise UserError(
                f"{rows[i]} has no value of {what}",
                expected="a number" if numbers else "a value",
                received=repr(text),
            )
        if _DECIMAL_COMMA.fullmatch(text):
            raise UserError(f"a decimal comma in {what}", expected="1.5", received=repr(text))
        if not text.isprintable():
            raise UserError(f"unprintable characters in {what}", received=repr(text))
    units = {entry.unit for entry in numbers}
    if "" in units and len(units) > 1:
        raise UserError(
            f"some values of {what} have a unit and some have none",
            expected="the same unit in every row",
            received=_examples(numbers),
        )
    warnings = []
    if numbers and len(numbers) < len(entries):
        warnings.append(f"{name!r} mixes numbers and text, so that its values are labels")
    labels: dict[object, str] = {}
    for entry in entries.values():
        key = _key(entry)
        labels[key] = min(labels.get(key, entry.text), entry.text, key=lambda t: (len(t), t))
    by_key = {_key(entry): entry for entry in entries.values()}
    ordered = sorted(by_key, key=lambda key: _order(by_key[key]))
    position = {key: i for i, key in enumerate(ordered)}
    of_cell = {cell: position[_key(entry)] for cell, entry in entries.items()}
    values = np.array([of_cell[cell] for cell in cells], np.int64)
    same_but_case = len({label.casefold() for label in labels.values()}) < len(labels)
    if same_but_case:
        warnings.append(f"{name!r} has values that differ only in upper and lower case")
    angles: tuple[float, ...] = ()
    if circle and len(ordered) > 1:
        if len(numbers) < len(entries) or len(units) > 1:
            raise UserError(
                f"{what} is on a circle, but its values are no numbers of one unit",
                expected="numbers",
                received=_examples(list(entries.values())),
            )
        points = [float(by_key[key].number or 0) for key in ordered]
        # The decimals that are written, zeros at the end apart.
        places = [
            entry.number.normalize().as_tuple().exponent for entry in numbers if entry.number
        ]
        rounding = 0.5 * 10.0 ** min(0, max(int(min(places)), -12))
        angles, repeats = _angles(points, turn or _FULL_TURN.get(units.pop()), rounding, what)
        if repeats:
            warnings.append(f"{name!r} has values that are the same angle, such as 0 and 360 deg")
    factor = Factor(
        name,
        len(ordered),
        symmetry=1 if circle else None,
        labels=tuple(labels[key] for key in ordered),
        angles=angles,
    )
    return Column(factor, values, tuple(warnings))


def read_header(header: str, where: str) -> tuple[str, bool, float | None]:
    """Read a factor's header, as of `read_column`.

    Returns:
        Its name, whether it lies on a circle, and the length of a full turn if that is given.

    Raises:
        UserError: there is no name, or anything else after a colon.
    """
    name, colon, kind = unicodedata.normalize("NFC", header).partition(":")
    name, kind = " ".join(name.split()), "".join(kind.split())
    match = re.fullmatch(r"circle(?:=([0-9.]+))?", kind)
    turn = None
    if match and match[1]:
        number = _NUMBER.fullmatch(match[1])
        turn = float(match[1]) if number else 0.0
    if not name or not name.isprintable() or (colon and not match) or turn == 0.0:
        raise UserError(
            f"bad factor name in {where}",
            expected="a name with nothing after it, ':circle' or ':circle=' and the full turn",
            received=repr(header),
        )
    return name, bool(colon), turn


def _entry(cell: str) -> _Entry:
    text = " ".join(unicodedata.normalize("NFC", cell).split())
    found = _NUMBER.fullmatch(text.translate(_LOOKALIKES))
    if found is None:
        return _Entry(text, None, "")
    unit = (found[2] or "").strip()
    return _Entry(text, Decimal(found[1]), _UNITS.get(unit.lower(), unit))


def _key(entry: _Entry) -> object:
    return entry.text if entry.number is None else (entry.number, entry.unit)


def _order(entry: _Entry) -> tuple:
    if entry.number is not None:
        return (0, entry.number, entry.unit)
    pieces = re.split(r"(\d+)", entry.text)
    pieces[1::2] = [int(digits) for digits in pieces[1::2]]  # type: ignore[call-overload]
    return (1, pieces, entry.text)


def _examples(entries: Sequence[_Entry]) -> str:
    by_unit = {entry.unit if entry.number is not None else None: entry for entry in entries}
    return ", ".join(repr(entry.text) for entry in list(by_unit.values())[:3])


def _angles(
    points: list[float], turn: float | None, rounding: float, what: str
) -> tuple[tuple[float, ...], bool]:
    """Return the angles of ascending numbers, () for equal steps, and if two are the same.

    Args:
        points: the numbers.
        turn: what a full turn is; None if nothing says it.
        rounding: how far the numbers may be from what they mean, since they were written.
        what: the column, for errors.
    """
    size = len(points)
    steps = [point - points[0] for point in points]

    def even(turn: float) -> bool:
        step = turn / size
        allowed = min(_ROUNDED * step, max(rounding * 1.01, 1e-6 * turn))
        return all(abs(value - i * step) <= allowed for i, value in enumerate(steps))

    if turn is None:
        consecutive = points[0] in (0.0, 1.0) and steps == [float(i) for i in range(size)]
        turn = next((t for unit, t in _FULL_TURN.items() if unit != "pi" and even(t)), None)
        if turn is None and consecutive and size <= _MAX_STEPS:
            turn = float(size)
        if turn is None:
            raise UserError(
                f"{what} is on a circle, but how long a full turn is can't be told",
                expected=f"equal steps of one, numbers from 0 (at most {_MAX_STEPS}), or a unit",
                received=f"{size} values from {points[0]:g} to {points[-1]:g}",
                advice="Write the unit (15 deg, 0.2 rad), or the full turn in the header "
                "(angle:circle=360).",
            )
    if even(turn):
        return (), False
    angles = [2.0 * math.pi * point / turn for point in points]
    if not all(map(math.isfinite, angles)):
        raise UserError(f"values of {what} are too large for angles", received=points[-1])
    around = sorted(math.fmod(step / turn, 1.0) for step in steps)
    around.append(around[0] + 1.0)
    repeats = any(b - a < 1e-9 for a, b in itertools.pairwise(around))
    return tuple(angles), repeats
