"""The content of scores.json (docs/scores.md): its type, and how it is read and written."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
from pathlib import Path
from typing import NotRequired, TypedDict, cast

import deltavae
from deltavae.errors import UserError
from deltavae.io import read_json, write_json
from deltavae.run_dir import RunDir

SCHEMA = 1
_VERSIONS = ("numpy", "scikit-learn", "numba", "tensorflow", "disentanglement-lib")


class Column(TypedDict):
    """The numbers of one readout, or of a baseline.

    scores: the reported numbers of each metric, mean over seeds; with them r2_<factor>, and
        d_lsbd, the mean over the periodic factors.
    spread: their standard deviation over seeds (n - 1), where there are several.
    metrics: every number of each metric (mean over seeds) and `seconds`.
    probes: by periodic factor, as `probes.probe_factors` returns, and `d_lsbd`.
    failed: by metric, or by score where it alone is not finite, why there is none.
    """

    scores: dict[str, float]
    spread: dict[str, float]
    metrics: dict[str, dict[str, float]]
    probes: dict[str, dict[str, float | str]]
    failed: dict[str, str]


class Source(TypedDict):
    """What was scored: its kind (run, representation, codes), path and digest."""

    kind: str
    path: str
    sha256: str


class Scores(Column):
    """The whole file; its own `Column` is that of `readout`.

    Files of earlier versions may lack some fields: `dataset_digest`, `discrete`, `source`.
    """

    schema: int
    created: str
    versions: dict[str, str]
    dataset: str
    dataset_digest: str | None
    source: Source
    protocol: str
    settings: str
    seed: int
    seeds: int
    reference: bool
    discrete: bool
    warnings: list[str]
    readout: str
    readouts: NotRequired[dict[str, Column]]
    baselines: NotRequired[dict[str, Column]]


def by_readout(scores: Scores) -> dict[str, Column]:
    """The numbers of each readout, the first one of the file first."""
    return scores.get("readouts") or {scores["readout"]: scores}


def title_of(scores: Scores, readout: str) -> str:
    """What a table calls a readout: its name, or "codes" for a file of codes scored as it is."""
    as_they_are = readout == "embedding" and scores.get("source", {}).get("kind") == "codes"
    return "codes" if as_they_are else readout


def now() -> str:
    """The time for `created`: UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Versions of deltavae and of what the scores depend on."""
    found = {"deltavae": deltavae.__version__}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def read_scores(folder: str | Path, advice: str = "") -> Scores:
    """Read the scores.json of a folder; `advice` says what to do where there is none.

    Raises:
        UserError: there is none, or it cannot be read.
    """
    return cast("Scores", read_json(RunDir(folder).scores, advice))


def replaced(run_dir: RunDir, scores: Scores) -> list[str]:
    """The warning, if any, of what a folder's scores.json has and `scores` will not have."""
    try:
        before = read_scores(run_dir.path)
    except UserError:
        return []  # there are none, or they are damaged
    if "readout" not in before:
        return []
    kept = {*_contents(scores), *scores["failed"]}
    lost = [name for name in _contents(before) if name not in kept]
    return [f"scores of before that were not computed again: {', '.join(lost)}"] if lost else []


def _contents(scores: Scores) -> list[str]:
    """The scores, readouts and baselines that there are numbers of."""
    columns = by_readout(scores) | scores.get("baselines", {})
    return [
        *dict.fromkeys(key for column in columns.values() for key in column["scores"]),
        *columns,
    ]


def write_scores(run_dir: RunDir, scores: Scores) -> None:
    """Write scores.json, and each metric's numbers where the 2019 starter kit looks for them.

    Numbers there of metrics that the scores don't have are of an earlier evaluation, and removed.
    """
    write_json(run_dir.scores, _finite(scores))
    for path in run_dir.metrics.glob("*/results/aggregate/evaluation.json"):
        metric_folder = path.parents[2]
        if metric_folder.name not in scores["metrics"]:
            path.unlink()
            with contextlib.suppress(OSError):  # something else is there
                for folder in (path.parent, path.parents[1], metric_folder):
                    folder.rmdir()
    for metric, numbers in scores["metrics"].items():
        path = run_dir.metrics / metric / "results" / "aggregate" / "evaluation.json"
        prefixed: dict[str, object] = {
            f"evaluation_results.{name}": value for name, value in numbers.items()
        }
        prefixed["evaluation_config.dataset.name"] = scores["dataset"]
        prefixed["evaluation_config.evaluation.random_seed"] = scores["seed"]
        write_json(path, _finite(prefixed))


def _finite(content: object) -> object:
    """The same with None for NaN and infinities, which JSON doesn't have."""
    return json.loads(json.dumps(content), parse_constant=lambda _: None)
