"""Gin files: where those of the package lie, what a name finds, and what a file includes.

Starts without TensorFlow. What the bindings in the files mean is known to `deltavae.config`.
"""

from __future__ import annotations

import functools
import tokenize
from collections.abc import Sequence
from pathlib import Path

from gin import config_parser
from typing_extensions import override

from deltavae.errors import UserError, unknown_name


@functools.cache
def folder() -> Path:
    """The folder `gin/`: inside an installed package, beside the package in the repository."""
    package = Path(__file__).resolve().parent
    inside = package / "gin"
    return inside if inside.is_dir() else package.parent / "gin"


def find(name: str) -> Path:
    """The gin file of that name.

    Args:
        name: a path from the current folder, or one of the package's files with or without
            the leading `gin/`.

    Raises:
        UserError: there is no such file; names those that are near.
    """
    for candidate in (Path(name), folder().parent / name, folder() / name):
        if candidate.is_file():
            return candidate
    known = [str(path.relative_to(folder().parent)) for path in folder().rglob("*.gin")]
    raise unknown_name("there is no such gin file", name, known)


def texts(name: str) -> list[str]:
    """The text of a gin file, followed by those of the files that it includes, in order.

    Raises:
        UserError: a file is missing, is no gin, or includes itself.
    """
    return _texts(name, ())


def _texts(name: str, including: tuple[str, ...]) -> list[str]:
    text, found = _read(name, including)
    includes = [each.filename for each in found if _is_include(each)]
    return [text, *(part for each in includes for part in _texts(each, (*including, name)))]


def whole(files: Sequence[str], bindings: Sequence[str]) -> list[str]:
    """The text of each gin file, then of the bindings, each with what it includes in its place.

    gin is never given an `include`: it would look for the file as a module of Python first, and
    log an error where there is none.

    Raises:
        UserError: as for `texts`, or a binding is not valid gin.
    """
    joined = "\n".join(bindings)
    found = statements(joined, "a binding")
    return [*(_whole(*_read(file, ()), (file,)) for file in files), _whole(joined, found, ())]


def _whole(text: str, found: list, including: tuple[str, ...]) -> str:
    lines = text.splitlines()
    for each in filter(_is_include, found):
        included = _read(each.filename, including)
        lines[each.location.line_num - 1] = _whole(*included, (*including, each.filename))
    return "\n".join(lines)


def _is_include(statement: object) -> bool:
    return isinstance(statement, config_parser.IncludeStatement)


def _read(name: str, including: tuple[str, ...]) -> tuple[str, list]:
    """The text and the statements of a file; `including` are the files that led to it."""
    if name in including:
        raise UserError(f"{name} includes itself")
    path = find(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(f"the configuration {name} cannot be read", received=error) from None
    return text, statements(text, f"the configuration {name}")


def statements(text: str, what: str, names: config_parser.ParserDelegate | None = None) -> list:
    """Return the statements of a gin text, by default with references and macros as text.

    Args:
        text: in gin.
        what: names the text in the error.
        names: makes what stands for references and macros in values.

    Raises:
        UserError: it is no gin; shows the line.
    """
    try:
        return list(config_parser.ConfigParser(text, names or _AnyName()))
    except tokenize.TokenError:
        raise UserError(
            f"{what} cannot be read",
            expected="each bracket and quote to be closed",
            received=repr(text.strip()[-80:]),
        ) from None
    except (SyntaxError, ValueError) as error:
        reason = str(error).strip().splitlines()
        # the first line of a value that is no literal has an address of memory in it
        literal = "a number, text in quotes, True, False, None, a list or a reference with @"
        malformed = reason[0].startswith("malformed node")
        number = getattr(error, "lineno", None) or len(text.splitlines())
        raise UserError(
            f"{what} cannot be read",
            expected=literal if malformed else "lines like train.steps = 1000",
            received=f"{text.splitlines()[number - 1].strip()!r} ({reason[-1].strip()})",
        ) from None


class _AnyName(config_parser.ParserDelegate):
    """Lets a file be parsed before the names in it are known."""

    @override
    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> str:
        return f"@{scoped_configurable_name}"

    @override
    def macro(self, macro_name: str) -> str:
        return f"%{macro_name}"
