"""What may be asked of `deltavae.scoring.evaluate.evaluate`."""

from collections.abc import Mapping, Sequence

from deltavae.errors import UserError, unknown_name
from deltavae.models import READOUTS
from deltavae.scoring.challenge import BY_PROTOCOL, METRICS, PROTOCOLS
from deltavae.scoring.library_adaptor import SETTINGS
from deltavae.scoring.score_specs import CHALLENGE, SCORES


def metric_names(metrics: Sequence[str] | None) -> list[str]:
    """The names asked for, each once; `all` stands for every one, None for the challenge's five.

    A score stands for the metric that gives it. `UserError` if a name is unknown.
    """
    if metrics is None:
        return list(CHALLENGE)
    given_by = {score: name for name, metric in METRICS.items() for score in metric.scores}
    for name in metrics:
        if name != "all" and name not in METRICS and name not in given_by:
            _refuse_what_comes_with_others(name, given_by)
            raise unknown_name("unknown metric", name, METRICS, "all")
    if not metrics:
        raise UserError(
            "no metric asked for",
            expected=f"some of {', '.join(METRICS)}, or all",
            received="an empty list",
            advice="Without --metrics the challenge's five are computed.",
        )
    if "all" in metrics:
        return list(METRICS)
    return list(dict.fromkeys(name if name in METRICS else given_by[name] for name in metrics))


def _refuse_what_comes_with_others(name: str, given_by: Mapping[str, str]) -> None:
    """Raise `UserError` if this is a score of scores.json that no metric of its own gives."""
    metric = given_by.get(name.removesuffix("_2019"), "")
    if name == "d_lsbd" or name.startswith("r2_"):
        why, advice = "always computed, for factors on circles", "Leave it out."
    elif name.endswith("_2019") and metric in BY_PROTOCOL:
        why, advice = f"computed with {metric}", f"Ask for {metric} with --protocol both."
    elif name == "udr":
        why, advice = "of several runs", "Compare them with --compare --udr."
    else:
        return
    raise UserError(
        f"{name} cannot be asked for as a metric",
        expected=f"some of {', '.join(METRICS)}, or all",
        received=f"{name}, a score that is {why}",
        advice=advice,
    )


def without_interventions(
    metrics: Sequence[str] | None, is_grid: bool, dataset: str
) -> tuple[list[str], list[str]]:
    """The metrics asked for, without those that the dataset cannot give.

    Args:
        metrics: as for `metric_names`.
        is_grid: whether every combination of factors has exactly one image.
        dataset: its name, for messages.

    Returns:
        Names of metrics, and warnings of what was left out.

    Raises:
        UserError: one that the dataset cannot give was asked for by its name.
    """
    names = metric_names(metrics)
    needing = [
        name
        for name in names
        if any(SCORES[score].needs_interventions for score in METRICS[name].scores)
    ]
    if is_grid or not needing:
        return names, []
    if metrics is not None and "all" not in metrics:
        raise UserError(
            f"{' and '.join(needing)} cannot be computed on {dataset}",
            expected="exactly one image of every combination of factors, since one factor is "
            "held while the others vary",
            received="combinations that are missing or repeated",
            advice="Leave them out of the metrics.",
        )
    return [name for name in names if name not in needing], [left_out(needing, dataset)]


def left_out(scores: Sequence[str], dataset: str) -> str:
    """The warning that these need interventions, which the dataset does not allow."""
    return (
        f"left out: {', '.join(scores)}; {dataset} does not have exactly one image of every "
        "combination of factors"
    )


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
        raise unknown_name("unknown protocol", protocol, ["both", *PROTOCOLS])
    if not 0 <= seed < 2**31 - seeds:
        raise UserError(
            "seed is impossible", expected="a whole number from 0, below 2^31", received=seed
        )
    unknown = [name for name in readouts or () if name not in READOUTS]
    if unknown:
        raise unknown_name("unknown readout", unknown[0], READOUTS)
    if seeds < 1:
        raise UserError("--seeds is impossible", expected="at least 1", received=seeds)
    if jobs is not None and jobs < 1:
        raise UserError("--jobs is impossible", expected="at least 1", received=jobs)
    if settings not in SETTINGS:
        raise unknown_name("unknown settings", settings, SETTINGS)
    if reference and protocol != "current":
        raise UserError(
            "disentanglement_lib's own code computes what the installed scikit-learn gives",
            expected="--protocol current with --reference",
            received=protocol,
        )
