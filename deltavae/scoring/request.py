"""What may be asked of `deltavae.scoring.evaluate.evaluate`."""

from collections.abc import Sequence

from deltavae.errors import UserError
from deltavae.models import READOUTS
from deltavae.scoring.challenge import METRICS, PROTOCOLS
from deltavae.scoring.library import SETTINGS


def metric_names(metrics: Sequence[str]) -> list[str]:
    """The names asked for, each once; `all` stands for every one. `UserError` if unknown."""
    if list(metrics) == ["all"]:
        return list(METRICS)
    for name in metrics:
        if name not in METRICS:
            raise UserError(
                "unknown metric",
                expected=f"all, or some of {', '.join(METRICS)}",
                received=repr(name),
            )
    if not metrics:
        raise UserError("no metric asked for", expected=", ".join(METRICS))
    return list(dict.fromkeys(metrics))


def check(
    protocol: str,
    seed: int,
    seeds: int,
    settings: str,
    reference: bool,
    jobs: int | None,
    readouts: Sequence[str] | None,
) -> None:
    """Raise `UserError` unless `deltavae.scoring.evaluate.evaluate` can do what these ask."""
    if protocol not in ("both", *PROTOCOLS):
        raise UserError(
            "unknown protocol",
            expected=f"both, or one of {', '.join(PROTOCOLS)}",
            received=repr(protocol),
        )
    if not 0 <= seed < 2**31 - seeds:
        raise UserError(
            "seed is impossible", expected="a whole number from 0, below 2^31", received=seed
        )
    unknown = [name for name in readouts or () if name not in READOUTS]
    if unknown:
        raise UserError(
            "unknown readout", expected=f"some of {', '.join(READOUTS)}", received=unknown[0]
        )
    if seeds < 1:
        raise UserError("seeds must be at least 1", received=seeds)
    if jobs is not None and jobs < 1:
        raise UserError("jobs must be at least 1", received=jobs)
    if settings not in SETTINGS:
        raise UserError(
            "unknown settings", expected=f"one of {', '.join(SETTINGS)}", received=repr(settings)
        )
    if reference and protocol != "current":
        raise UserError(
            "disentanglement_lib's own code computes what the installed scikit-learn gives",
            expected="--protocol current with --reference",
            received=protocol,
        )
