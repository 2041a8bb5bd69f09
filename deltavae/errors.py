"""The one error that a user can mend."""


class UserError(ValueError):
    """A mistake on the user's side: a wrong name, a missing file, an impossible value.

    The message is one line in three parts (what is wrong, what was expected, what was
    received) and, where there is one, the way out. Scripts print it and exit with status 2;
    they never show a traceback for it.
    """

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
        super().__init__(f"{message}. {advice}" if advice else message)


def told(error: UserError) -> str:
    """The message alone: gin appends where it was to an error that passes through it."""
    return str(error).splitlines()[0]
