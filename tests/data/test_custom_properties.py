"""Generated custom datasets load with the factors and images that were meant, or are refused.

Each example first decides what is meant (which value each image has of each factor, and the
order and angles of the values), then writes it down in one of the many ways that mean the same.
What is loaded is compared with the meaning. An example with a planted fault has to end in one
line.
"""

import csv
import io
import itertools
import math
import random
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from deltavae.data import load
from deltavae.errors import UserError
from tests.data.test_image_files import SHOWN

# In natural order: letters by code point, digits by number.
WORDS = ["Zed", "blue", "light red", "view 2", "view 10", "\u00e9t\u00e9"]
CIRCLES = ["degrees", "numbered", "radians", "turns", "uneven", "half", "stated"]
MODES = ["L", "1", "RGB", "P", "LA", "RGBA", "I;16", "CMYK", "exif", "large"]
ENDINGS = {"CMYK": ".tif", "exif": ".png", "I;16": ".png"}
FOLDER_FAULTS = [
    "empty cell",
    "missing word",
    "doubled file",
    "missing file",
    "outside file",
    "float image",
    "integer image",
    "oblong image",
    "not an image",
    "long row",
    "same name twice",
    "half circle",
    "words on a circle",
    "some units",
    "decimal comma",
]
NPZ_FAULTS = ["pickled", "nan", "rows", "range", "complex", "half circle", "image size", "names"]


@dataclass
class Meaning:
    """A factor: its entries in order, as text without decoration, and what they stand for."""

    header: str
    texts: list[str]
    kind: str
    angles: list[float] | None = None  # radians
    unit: list[str] = field(default_factory=lambda: [""])


def _factor(name, kind, size, rng):
    if kind == "words":
        return Meaning(name, [WORDS[i] for i in sorted(rng.sample(range(6), size))], kind)
    if kind in ("integers", "units"):
        numbers = sorted(rng.sample(range(-300, 300), size))
        units = rng.choice([[" px", "px"], ["\u00b0", " deg", "degrees", "\u00ba"], ["%"]])
        return Meaning(
            name, [str(n) for n in numbers], kind, unit=units if kind == "units" else [""]
        )
    if kind == "decimals":
        return Meaning(name, [str(n / 8) for n in sorted(rng.sample(range(-99, 99), size))], kind)
    header, turn = f"{name}:circle", 2 * math.pi
    if kind == "degrees":
        size = rng.choice([n for n in (2, 3, 4, 5, 6) if n <= max(size, 2)])
        start = rng.choice([0, 0, -180, 10])
        texts = [str(start + 360 // size * i) for i in range(size)]
        return Meaning(header, texts, kind, [turn * i / size for i in range(size)])
    if kind == "numbered":
        start = rng.choice([0, 1])
        texts = [str(start + i) for i in range(size)]
        return Meaning(header, texts, kind, [turn * i / size for i in range(size)])
    if kind == "radians":
        texts = [f"{turn * i / size:.4f}" for i in range(size)]
        return Meaning(header, texts, kind, [turn * i / size for i in range(size)])
    if kind == "turns":
        texts = [str(i / 4) for i in range(4)]
        return Meaning(header, texts, kind, [turn * i / 4 for i in range(4)])
    degrees = sorted(rng.sample(range(0, 360), size))
    if kind == "half":
        degrees = [180 // size * i for i in range(size)]
    angles = [math.radians(d) for d in degrees]
    if kind == "stated":
        header = rng.choice([f"{name}:circle=360", f"{name} : circle = 360.0"])
        return Meaning(header, [str(d) for d in degrees], kind, angles)
    units = ["\u00b0", " deg", "degrees"] if kind == "uneven" else [""]
    return Meaning(header, [str(d) for d in degrees], kind, angles, units)


def _spell(text, meaning, rng):
    """One of the ways to write an entry."""
    if meaning.kind == "words":
        return rng.choice(
            [
                text,
                f" {text} ",
                text.replace(" ", "  "),
                unicodedata.normalize("NFD", text),
                f"\u00a0{text}\t",
            ]
        )
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    whole = "." not in digits
    digits = rng.choice(
        [
            digits,
            f"0{digits}",
            f"{digits}.0" if whole else f"{digits}00",
            f"{digits}." if whole else digits,
            f"{digits}e0",
            f"{digits}0e-1" if whole else digits,
        ]
    )
    sign = rng.choice(["-", "\u2212", "\uff0d"]) if sign else rng.choice(["", "", "+"])
    return rng.choice(["", " ", "\u2003"]) + sign + digits + rng.choice(meaning.unit)


def _rows(sizes, shape, rng):
    """The value of each factor for each image."""
    rows = [list(row) for row in itertools.product(*map(range, sizes))]
    if shape in ("gaps", "both") and len(rows) > 2:
        # Every value of every factor stays.
        keep = {i: row for i, row in enumerate(rows)}
        for i in rng.sample(range(len(rows)), len(rows) // 3):
            rest = [row for j, row in keep.items() if j != i]
            if all(len({row[k] for row in rest}) == n for k, n in enumerate(sizes)):
                del keep[i]
        rows = list(keep.values())
    if shape in ("repeats", "both"):
        rows += [list(rng.choice(rows)) for _ in range(rng.randint(1, 4))]
    rng.shuffle(rows)
    return rows


def _picture(i):
    """What image `i` shows: another value for each, with a corner that tells how it is turned."""
    shown = np.full((64, 64), 40 + 5 * (i % 40), np.uint8)
    shown[:32, :20] = 255
    shown[0, -1] = 0
    return shown


def _save(path, shown, mode, rng):
    """Write an image that shows `shown`; returns the pixels expected, (64, 64, channels)."""
    channels = 1 if mode in ("L", "1", "LA", "I;16", "exif", "large") else 3
    if mode == "1":
        shown = (shown > 127).astype(np.uint8) * np.uint8(255)
        image = Image.fromarray(shown > 0)
    elif mode == "RGB":
        image = Image.fromarray(np.dstack([shown] * 3))
    elif mode == "P":
        image = Image.fromarray(shown, mode="P")
        image.putpalette(np.repeat(np.arange(256), 3).tolist())
    elif mode in ("LA", "RGBA"):
        hole = rng.random() < 0.5
        alpha = np.full_like(shown, 255)
        if hole:
            alpha[40:] = 0
        layers = [shown, alpha] if mode == "LA" else [shown, shown, shown, alpha]
        image = Image.fromarray(np.dstack(layers), mode=mode)
        shown = np.where(alpha > 0, shown, 0).astype(np.uint8)
    elif mode == "I;16":
        image = Image.fromarray(shown * np.uint16(257))
    elif mode == "CMYK":
        ink = 255 - shown
        image = Image.fromarray(np.dstack([ink, ink, ink, np.zeros_like(ink)]), mode="CMYK")
    elif mode == "large":
        shown = np.full_like(shown, shown[-1, 0])
        image = Image.fromarray(np.kron(shown, np.ones((2, 2), np.uint8)))
    else:
        image = Image.fromarray(shown)
    if mode == "exif":
        exif = Image.Exif()
        exif[0x0112] = orientation = rng.randint(1, 8)
        undone = {6: 8, 8: 6}.get(orientation, orientation)
        Image.fromarray(np.ascontiguousarray(SHOWN[undone](shown))).save(path, exif=exif)
    else:
        image.save(path)
    return np.repeat(shown[..., None], channels, axis=-1)


FAULTY = {
    "float image": lambda path: Image.new("F", (64, 64)).save(path.with_suffix(".tif")),
    "integer image": lambda path: Image.new("I", (64, 64)).save(path.with_suffix(".tif")),
    "oblong image": lambda path: Image.new("L", (64, 60)).save(path.with_suffix(".tif")),
    "not an image": lambda path: path.with_suffix(".tif").write_text("file,factor\n"),
    "missing file": lambda path: None,
}


def _write_folder(root, factors, rows, case, rng):
    """Write it; returns the images expected, (n, 64, 64, 1 or 3), or None if it is faulty."""
    mode, fault, style = case["mode"], case["fault"], case["style"]
    images, lines = [], []
    for i, row in enumerate(rows):
        this = rng.choice(MODES) if mode == "mixed" else mode
        name = rng.choice([f"{i}", f"view {i}", f"sub/{i}", f"\u00e9,{i}"])
        name += ENDINGS.get(this, ".png")
        (root / name).parent.mkdir(exist_ok=True)
        images.append(_save(root / name, _picture(i), this, rng))
        entries = [_spell(f.texts[v], f, rng) for f, v in zip(factors, row, strict=True)]
        lines.append([rng.choice([name, f"./{name}"]), *entries])
    channels = max(image.shape[-1] for image in images)
    header = ["file", *(factor.header for factor in factors)]
    last, path = lines[-1], root / lines[-1][0]
    if fault in ("empty cell", "missing word"):
        last[1] = " " if fault == "empty cell" else rng.choice(["NA", "nan", "-", "None"])
    elif fault == "doubled file":
        lines.append([lines[0][0], *last[1:]])
    elif fault == "outside file":
        last[0] = rng.choice(["../x.png", str(root / "x.png"), "", "sub/../../x.png"])
    elif fault in FAULTY:
        last[0] = str(Path(last[0]).with_name("faulty.tif"))
        FAULTY[fault](path.with_name("faulty"))
    elif fault == "long row":
        last.append("1")
    elif fault == "same name twice":
        header, lines = [*header, header[1]], [[*line, line[1]] for line in lines]
    elif fault == "words on a circle":
        header, lines = [*header, "w:circle"], [[*x, "ab"[i % 2]] for i, x in enumerate(lines)]
    elif fault == "some units":
        header = [*header, "u"]
        lines = [[*line, f"{i}{' px' if i else ''}"] for i, line in enumerate(lines)]
    elif fault == "decimal comma":
        header, lines = [*header, "u"], [[*line, f"{i},5"] for i, line in enumerate(lines)]
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if "quoted" in style else csv.QUOTE_MINIMAL
    writer = csv.writer(
        text, quoting=quoting, lineterminator="\r\n" if "windows" in style else "\n"
    )
    writer.writerows([header, *lines])
    if "blanks" in style:
        text.write("\n" + "," * (len(header) - 1) + "\n")
    encoding = "utf-8-sig" if "windows" in style else "utf-8"
    (root / "factors.csv").write_bytes(text.getvalue().encode(encoding))
    if "unlisted" in style:
        Image.new("L", (8, 8)).save(root / "unlisted.png")
    return np.stack([np.repeat(i, channels // i.shape[-1], axis=-1) for i in images])


def _write_npz(path, factors, rows, case, rng):
    fault = case["fault"]
    shown = np.stack([_picture(i) for i in range(len(rows))])
    expected = shown[..., None]
    if case["layout"] == "colour":
        shown = expected = np.repeat(expected, 3, axis=-1)
    elif case["layout"] == "one channel":
        shown = shown[..., None]
    kind = case["pixels"]
    stored = shown / 255.0 if kind in ("float16", "float32") else shown
    if kind == "bool":
        stored, expected = shown > 127, (expected > 127).astype(np.uint8) * np.uint8(255)
    stored = stored.astype(kind)
    texts = [[f.texts[v] for f, v in zip(factors, row, strict=True)] for row in rows]
    table = np.array(texts)
    if case["table"] != "str" and all(f.kind not in ("words", "units", "uneven") for f in factors):
        whole = all(f.kind in ("integers", "degrees", "numbered", "stated") for f in factors)
        table = table.astype(float)
        if case["table"] != "bytes" and (whole or "float" in case["table"]):
            table = table.astype(case["table"])
    else:
        table = np.array(
            [
                [_spell(f.texts[v], f, rng) for f, v in zip(factors, row, strict=True)]
                for row in rows
            ]
        )
        if case["table"] == "bytes":
            table = np.char.encode(table, "utf-8")
    names = np.array([factor.header for factor in factors])
    if fault == "pickled":
        table = table.astype(object)
    elif fault == "nan":
        table = np.full(table.shape, np.nan)
    elif fault == "rows":
        table = table[:-1]
    elif fault == "range":
        stored = stored.astype(float) * rng.choice([-1.0, 300.0])
    elif fault == "complex":
        table = np.zeros(table.shape, complex)
    elif fault == "image size":
        stored = stored[:, :32]
    elif fault == "names":
        names = np.append(names, "more")
    elif case["names"] == "bytes":
        names = np.char.encode(names, "utf-8")
    elif case["names"] == "column":
        names = names[:, None]
    if case["order"] == "F":
        stored, table = np.asfortranarray(stored), np.asfortranarray(table)
    if case["order"] == "1-D" and len(factors) == 1:
        table = table.reshape(-1)
    save = np.savez_compressed if rng.random() < 0.5 else np.savez
    save(path, images=stored, factors=table, factor_names=names)
    return expected


def _case(**own):
    kinds = st.sampled_from(["integers", "decimals", "units", "words", *CIRCLES[:-2], "stated"])
    column = st.tuples(kinds, st.integers(1, 5))
    return st.fixed_dictionaries(
        {
            "columns": st.lists(column, min_size=1, max_size=3),
            "shape": st.sampled_from(["grid", "gaps", "repeats", "both"]),
            "seed": st.integers(0, 2**32 - 1),
            **{name: st.sampled_from(choices) for name, choices in own.items()},
        }
    )


CASES = st.one_of(
    _case(
        form=["folder"],
        fault=[None] * 15 + FOLDER_FAULTS,
        mode=["mixed", *MODES],
        style=[(), ("quoted",), ("windows",), ("blanks", "unlisted")],
    ),
    _case(
        form=["npz"],
        fault=[None] * 8 + NPZ_FAULTS,
        layout=["flat", "one channel", "colour"],
        pixels=["uint8", "bool", "float16", "float32", "float64", "int16", ">i4", "uint64"],
        table=["str", "bytes", "int16", "int64", "float32", "float64", ">f8", ">i4"],
        names=["str", "bytes", "column"],
        order=["C", "F", "1-D"],
    ),
)


def _loads_as_meant_or_is_refused(case):
    rng = random.Random(case["seed"])
    columns = list(case["columns"])
    if case["fault"] == "half circle":
        columns[-1] = ("half", max(3, columns[-1][1]))
    if case["fault"] == "missing word":
        columns[0] = ("integers", max(3, columns[0][1]))
    factors = [_factor(f"f{i}", kind, size, rng) for i, (kind, size) in enumerate(columns)]
    rows = _rows([len(factor.texts) for factor in factors], case["shape"], rng)[:40]
    if case["fault"]:
        rows = (rows * 3)[: max(3, len(rows))]
    root = Path(tempfile.mkdtemp())
    try:
        if case["form"] == "folder":
            images = _write_folder(root, factors, rows, case, rng)
            path = root
        else:
            path = root / "custom.npz"
            images = _write_npz(path, factors, rows, case, rng)
        # What varies among the images, and the rank of each value among those that occur.
        present = [sorted({row[k] for row in rows}) for k in range(len(factors))]
        varying = [k for k, values in enumerate(present) if len(values) > 1]
        table = np.array([[present[k].index(row[k]) for k in varying] for row in rows])
        try:
            data = load(str(path))
        except UserError as error:
            message = str(error)
            assert "\n" not in message and "again" not in message
            assert "True" not in message and "False" not in message
            assert case["fault"] or not varying or _ambiguous(factors, present), message
            return
        assert case["fault"] is None
        _compare(data, table, images, [factors[k] for k in varying], [present[k] for k in varying])
        assert load(str(path)).digest == data.digest
        unlisted = "unlisted" in case.get("style", ())
        assert unlisted == any("unlisted.png" in warning for warning in data.warnings)
    finally:
        shutil.rmtree(root)


def _ambiguous(factors, present):
    """Whether rows that were left out leave numbers without a unit that aren't a full turn."""
    return any(
        factor.angles
        and factor.kind not in ("stated", "uneven")
        and len(values) < len(factor.texts)
        for factor, values in zip(factors, present, strict=True)
    )


def _compare(data, table, images, factors, present):
    names = [factor.header.split(":")[0].strip() for factor in factors]
    every = np.arange(len(table))
    assert data.num_images == len(table) and list(data.factor_names) == names
    np.testing.assert_array_equal(data.factors(every), table)
    np.testing.assert_array_equal(data.images(every), images)
    assert data.factor_sizes == [len(values) for values in present]
    combinations = {tuple(row) for row in table.tolist()}
    full = math.prod(data.factor_sizes)
    assert data.is_grid == (len(combinations) == full == len(table))
    circles = {n for n, factor in zip(names, factors, strict=True) if factor.angles}
    assert set(data.periodic) == circles
    for name, factor, values in zip(names, factors, present, strict=True):
        if name in circles:
            meant = np.array([factor.angles[v] for v in values])
            found = data.angles(name)
            # A probe can't tell a rotation of all angles, which even steps are given.
            np.testing.assert_allclose(
                np.exp(1j * (found - found[0])), np.exp(1j * (meant - meant[0])), atol=2e-3
            )
    if data.is_grid:
        np.testing.assert_array_equal(data.index_of(table), every)


COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow], "database": None}


@settings(max_examples=100, **COMMON)
@given(CASES)
def test_generated_datasets(case):
    _loads_as_meant_or_is_refused(case)


@pytest.mark.slow
@settings(max_examples=2000, **COMMON)
@given(CASES)
def test_many_generated_datasets(case):
    _loads_as_meant_or_is_refused(case)
