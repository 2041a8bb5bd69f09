"""One run of a study: what is trained and how it is scored, with an id from that content."""

import hashlib
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from deltavae import gin_files
from deltavae.scoring.score_specs import CHALLENGE


@dataclass(frozen=True)
class Scoring:
    """How each run of a study is scored.

    Attributes:
        metrics: names of metrics, as `evaluate.py --metrics` takes them.
        readouts: names of readouts; each gives a row of its own in the table.
        protocol: `current`, `challenge2019` or `both`.
        settings: `study` (the published sample sizes) or `fast`.
        seed: of the scoring, the same in all runs.
    """

    metrics: tuple[str, ...]
    readouts: tuple[str, ...]
    protocol: str = "current"
    settings: str = "study"
    seed: int = 0

    @property
    def asked(self) -> tuple[str, ...] | None:
        """The metrics asked for by name; None for the challenge's five, the default."""
        return None if self.metrics == CHALLENGE else self.metrics

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of the content."""
        return _digest(asdict(self))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Scoring":
        """The inverse of `dataclasses.asdict`, through JSON or not."""
        plain: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in content.items()
        }
        return cls(**plain)


@dataclass(frozen=True)
class RunSpec:
    """One run.

    Attributes:
        setting: readable name of all that seeds and data sets share.
        variant: the part of the setting that has a name ("" where the study names none).
        values: gin name -> value of what the study sweeps.
        dataset: name of the data set.
        seed: of the training.
        gin_configs: gin files in order.
        bindings: gin bindings in order, the data set and the seed not among them.
        contents: digests of the gin files, with what they include, in order.
        cores: processor cores for the run.
        pixels: 0, or the number of principal components of the pixels that are scored instead of
            a trained model.
    """

    setting: str
    variant: str
    values: dict[str, object]
    dataset: str
    seed: int
    gin_configs: tuple[str, ...] = ()
    bindings: tuple[str, ...] = ()
    contents: tuple[str, ...] = field(default=(), repr=False)
    cores: int = 1
    pixels: int = 0

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits of what is trained.

        Neither the names of files and settings nor the scoring nor the cores are part of it:
        a renamed file or a new comment trains nothing again, a changed value does.
        """
        content = [self.contents, self.bindings, self.dataset, self.seed]
        return _digest([*content, self.pixels] if self.pixels else content)


def as_binding(name: str, value: object) -> str:
    """`name = value` as gin reads it; a string that starts with @ or % is a gin reference."""
    if isinstance(value, str) and value[:1] in ("@", "%"):
        return f"{name} = {value}"
    return f"{name} = {value!r}"


def digest_of_file(path: str) -> str:
    """Digest of a gin file and of all that it includes, without comments and blank lines.

    Raises:
        UserError: a file is missing or cannot be read.
    """
    return _digest([_without_comments(text) for text in gin_files.texts(path)])


def _without_comments(text: str) -> list[str]:
    """The tokens of a gin text, which are Python's, as its parser sees them."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    ignored = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE)
    return [token.string for token in tokens if token.type not in ignored]


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
