"""One line of the table."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        subject: what was looked at.
        ok: whether the platform will take it.
        found: what was seen; where `ok` is False, what is wrong and the way out.
    """

    subject: str
    ok: bool
    found: str
