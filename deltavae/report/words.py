"""What each score means, in words for a reader who has not met it."""

from dataclasses import dataclass

from deltavae.scoring.specs import score_spec


@dataclass(frozen=True)
class Explained:
    """One score.

    Attributes:
        title: its name in the field.
        meaning: what it asks of the codes.
        chance: what codes that know nothing get, in words.
        best: the optimum, in words.
        direction: `higher` or `lower`, which is better; empty where that is not known.
    """

    title: str
    meaning: str
    chance: str
    best: str
    direction: str


def explain(key: str) -> Explained:
    """The explanation of a key of scores.json; keys of 2019 and of probes included."""
    spec = score_spec(key)
    if spec is None:
        return Explained(key.replace("_", " "), "", "", "", "")
    return Explained(spec.title, spec.description, spec.chance, spec.best, spec.direction)
