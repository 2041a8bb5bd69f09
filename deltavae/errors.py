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


def unknown_name(what: str, name: str, known: Iterable[str]) -> UserError:
    """The error for a name that nothing has: it says which known names are near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
    return UserError(what, expected=f"one like {', '.join(near)}", received=name)
