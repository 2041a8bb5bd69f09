"""Entries of a column: one value however written, in order of size, angles as they are spaced."""

import numpy as np
import pytest

from deltavae.data.factor_values import read_column
from deltavae.errors import UserError


def _read(header, cells):
    return read_column(header, cells, "factors.csv", [f"line {i + 2}" for i in range(len(cells))])


@pytest.mark.parametrize(
    ("cells", "values", "labels"),
    [
        (["1", "1.0", "01", " 1 ", "1e0", "+1", "\u00a01", "1.", "0.1e1"], [0] * 9, ["1"]),
        (["-1", "\u22121", "\uff0d1", "-01.0"], [0] * 4, ["-1"]),
        (["0", "-0", "0.00", ".0"], [0] * 4, ["0"]),
        (["10", "9", "100", "-3"], [2, 1, 3, 0], ["-3", "9", "10", "100"]),
        (["15 deg", "0 deg", "105 deg", "15°", "15 degrees", "0.0deg"], [1, 0, 2, 1, 1, 0], None),
        (["10px", "9 px", "9px"], [1, 0, 0], ["9px", "10px"]),
        (["\u0661\u0662", "12", "3"], [1, 1, 0], None),  # Arabic digits
        (["9007199254740993", "9007199254740992"], [1, 0], None),  # equal as 64-bit floats
        (["0.1", "0.10", "0.1000000000000000055"], [0, 0, 1], None),
        (["1_0", "2", "10"], [2, 0, 1], None),  # no number, though Python takes it for one
        (["x²", "x2", "5²"], [2, 1, 0], None),
        (["view 10", "view 9", "view  9", " view 9"], [1, 0, 0, 0], ["view 9", "view 10"]),
        (["red", "blue", "red "], [1, 0, 1], ["blue", "red"]),
        (["caf\u00e9", "cafe\u0301", "b"], [1, 1, 0], None),
        (["none", "striped"], [0, 1], None),
    ],
)
def test_equal_entries_are_one_value_and_values_are_ordered(cells, values, labels):
    column = _read("name", cells)
    np.testing.assert_array_equal(column.values, values)
    assert column.factor.size == max(values) + 1 == len(column.factor.labels)
    assert labels is None or column.factor.labels == tuple(labels)


@pytest.mark.parametrize(
    ("header", "cells", "says"),
    [
        ("a", ["1", "", "2"], "line 3 has no value of 'a'.*a number"),
        ("a", ["red", "  ", "blue"], "line 3 has no value of 'a'.*received ''"),
        ("a", ["1", "2", "NA"], "line 4 has no value of 'a'"),
        ("a", ["1", "2", "nan"], "line 4 has no value"),
        ("a", ["1", "-inf"], "line 3 has no value"),
        ("a", ["1,5", "2,5"], "decimal comma"),
        ("a", ["0", "15 deg"], "some values of 'a' .* have a unit"),
        ("a", ["x\0", "y"], "unprintable"),
        ("", ["1"], "bad factor name"),
        ("a:square", ["1"], "bad factor name"),
        ("a:circle=0", ["1"], "bad factor name"),
        ("a:circle=x", ["1"], "bad factor name"),
        ("a:circle=1.2.3", ["1"], "bad factor name"),
        ("a:circle", ["north", "south"], "no numbers of one unit"),
        ("a:circle", ["0 deg", "1 rad"], "no numbers of one unit"),
        ("a:circle", ["0", "15", "30"], "full turn.*0 to 30.*angle:circle=360"),
        ("a:circle", [str(15 * i) for i in range(12)], "full turn.*0 to 165"),  # half a turn
        ("a:circle", ["0", "10", "40", "90"], "full turn"),
        ("a:circle", [str(i) for i in range(180)], "full turn"),  # views, or degrees?
        ("a:circle", ["0 px", "1 px", "3 px"], "full turn"),
    ],
)
def test_what_could_mean_two_things_is_refused(header, cells, says):
    with pytest.raises(UserError, match=says) as caught:
        _read(header, cells)
    assert "\n" not in str(caught.value)


def _turns(header, cells):
    """The angle of every entry, less that of the first, in turns in [0, 1)."""
    factor = _read(header, cells).factor
    assert factor.symmetry == 1
    if factor.angles:
        turns = np.asarray(factor.angles) / (2 * np.pi)
    else:
        turns = np.arange(factor.size) / factor.size
    of_entry = turns[_read(header, cells).values]
    return np.mod(of_entry - of_entry[0] + 1e-6, 1.0) - 1e-6


@pytest.mark.parametrize(
    ("header", "cells", "turns"),
    [
        ("a:circle", ["0", "90", "180", "270"], [0, 0.25, 0.5, 0.75]),
        ("a:circle", ["0", "1", "2", "3"], [0, 0.25, 0.5, 0.75]),
        ("a:circle", ["1", "2", "3"], [0, 1 / 3, 2 / 3]),
        ("a:circle", ["0.000", "1.571", "3.142", "4.712"], [0, 0.25, 0.5, 0.75]),  # radians
        ("a:circle", ["0", "0.25", "0.5", "0.75"], [0, 0.25, 0.5, 0.75]),  # turns
        ("a:circle", ["-180", "-90", "0", "90"], [0, 0.25, 0.5, 0.75]),
        ("a:circle", ["0 deg", "105 deg", "15 deg"], [0, 105 / 360, 15 / 360]),
        ("a:circle", ["0 deg", "15 deg", "30 deg", "45 deg"], [0, 1 / 24, 2 / 24, 3 / 24]),
        ("a:circle", ["0 rad", "1 rad"], [0, 1 / (2 * np.pi)]),
        ("a:circle", ["0π", "0.5π", "1.75π"], [0, 0.25, 0.875]),
        ("a:circle=360", ["0", "10", "40"], [0, 10 / 360, 40 / 360]),
        ("a : circle = 360", [str(15 * i) for i in range(12)], np.arange(12) / 24),
        ("a:circle=180", [str(15 * i) for i in range(12)], np.arange(12) / 12),
        ("a:circle=24", [str(i) for i in range(24) if i != 5], np.delete(np.arange(24), 5) / 24),
        ("a:circle=180", [str(i) for i in range(180)], np.arange(180) / 180),
        ("a:circle", [str(i) for i in range(360)], np.arange(360) / 360),
    ],
)
def test_angles_are_those_that_the_values_mean(header, cells, turns):
    np.testing.assert_allclose(_turns(header, cells), turns, atol=2e-4)


def test_what_is_said():
    assert "mixes numbers and text" in _read("a", ["1", "2", "large"]).warnings[0]
    assert "upper and lower case" in _read("a", ["Red", "red"]).warnings[0]
    assert "same angle" in _read("a:circle", ["0 deg", "90 deg", "360 deg"]).warnings[0]
    assert _read("a", ["1", "2"]).warnings == ()
