"""The one error that a user can fix."""

import difflib
import sys
from collections.abc import Iterable
from pathlib import Path


class UserError(ValueError):
    """A mistake on the user's side: a wrong name, a missing file, an impossible value.

    The message is one line: what is wrong, what was expected, what was received and, where
    there is one, the way out. Commands print it and exit with status 2; they never show a
    traceback for it.

    Attributes:
        message: that line. `str` of an error that passed through gin has more, since gin
            appends where it was.
    """

    message: str

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        received: object = None,
        advice: str | None = None,
    ) -> None:
        parts = [what]
        if expected is not None:
            parts.append(f"expected {expected}")
        if received is not None:
            parts.append(f"received {received}")
        message = "; ".join(parts)
        message = f"{message}. {advice}" if advice else message
        self.message = " ".join(line.strip() for line in message.splitlines())
        super().__init__(self.message)


def command(name: str) -> str:
    """Return how the user of this process calls `train` or `evaluate`, for messages.

    That is `deltavae train` where it is installed, and the script `train.py` in a checkout.
    """
    called = Path(sys.argv[0])
    if called.name == "deltavae":
        return f"deltavae {name}"
    if called.name == "__main__.py" and called.parent.name == "deltavae":
        return f"python -m deltavae {name}"
    return f"{name}.py"


_SHORT = 30  # names that can be listed in one line


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant; None if none is near.

    Up to three known names that begin with `name`, joined by "or", come before one with a
    similar spelling.
    """
    by_lower = {each.lower(): each for each in known}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    longer = [each for each in by_lower if len(name) > 2 and each.startswith(name.lower())]
    near = longer[:3] or difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return " or ".join(by_lower[each] for each in near) or None


def unknown_name(what: str, name: object, known: Iterable[str], otherwise: str = "") -> UserError:
    """The error for a name that nothing has: it says which there are, or which are near.

    Args:
        what: such as "unknown metric".
        name: as it was received; from Python it may be no string.
        known: those there are; of more than 30 only the near ones are listed.
        otherwise: what may stand in place of a name, such as "a path".
    """
    known = list(known)
    near = nearest(str(name), known)
    if len(known) > _SHORT:
        listed = difflib.get_close_matches(str(name), sorted(known), n=3, cutoff=0.4)
        expected = f"one like {', '.join(listed or known)}"
    else:
        expected = ("one of " if len(known) > 1 else "") + (", ".join(known) or "none")
    return UserError(
        what,
        expected=f"{expected}, or {otherwise}" if otherwise else expected,
        received=repr(name),
        advice=f"Did you mean {near}?" if near else None,
    )
