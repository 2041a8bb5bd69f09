"""The content of scores.json, and the table that is printed of it (docs/scores.md)."""

from __future__ import annotations

import datetime
import importlib.metadata
import json

import numpy as np
from rich.table import Table
from rich.text import Text

import deltavae
from deltavae.io import write_json
from deltavae.run_dir import RunDir
from deltavae.scoring import challenge
from deltavae.scoring.baselines import BASELINES
from deltavae.scoring.jobs import Job, Outcome
from deltavae.scoring.score_specs import SCORES, score_spec

SCHEMA = 1
_VERSIONS = ("numpy", "scikit-learn", "numba", "tensorflow", "disentanglement-lib")


def versions() -> dict[str, str]:
    """Versions of deltavae and of what the scores depend on."""
    found = {"deltavae": deltavae.__version__}
    for name in _VERSIONS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def described(**facts: object) -> dict[str, object]:
    """The head of scores.json: schema, time, versions, and the facts given."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return {"schema": SCHEMA, "created": now, "versions": versions(), **facts}


def score_key(score: str, version: str, protocol: str) -> str:
    """Name of a score: the 2019 number stands beside the current one only under `both`."""
    beside = protocol == "both" and version == "challenge2019"
    return f"{score}_2019" if beside and SCORES[score].depends_on_protocol else score


def column_report(
    readout: str, outcomes: dict[Job, Outcome], protocol: str, probes: dict
) -> dict[str, dict]:
    """What scores.json says of one readout.

    Returns:
        scores: the reported numbers of each metric, mean over seeds; with them r2_<factor> and
            d_lsbd, the mean over the periodic factors.
        spread: its standard deviation over seeds (n - 1), where there are several.
        metrics: every number of each metric (mean over seeds) and `seconds`.
        probes: as `probe.probe_factors` returns.
        failed: by metric, or by score where it alone is not finite, why there is none.
    """
    report: dict[str, dict] = {
        "scores": {}, "spread": {}, "metrics": {}, "probes": probes, "failed": {},
    }  # fmt: skip
    grouped: dict[str, list[tuple[Job, Outcome]]] = {}
    for job, outcome in outcomes.items():
        if job.readout == readout:
            key = score_key(job.metric, job.protocol, protocol)
            grouped.setdefault(key, []).append((job, outcome))
    order = list(challenge.METRICS)
    for key in sorted(grouped, key=lambda key: order.index(key.removesuffix("_2019"))):
        ran = sorted(grouped[key], key=lambda pair: pair[0].seed)
        errors = [outcome.error for _, outcome in ran if outcome.error]
        if errors:
            report["failed"][key] = errors[0]
            continue
        results = [outcome.result for _, outcome in ran]
        means = {name: float(np.mean([r[name] for r in results])) for name in results[0]}
        for score, entry in challenge.METRICS[ran[0][0].metric].scores.items():
            named = score_key(score, ran[0][0].protocol, protocol)
            report["scores"][named] = means[entry]
            if len(results) > 1:
                report["spread"][named] = float(np.std([r[entry] for r in results], ddof=1))
        seconds = sum(outcome.seconds for _, outcome in ran)
        report["metrics"][key] = {**means, "seconds": round(seconds, 2)}
    for factor, found in probes.items():
        report["scores"][f"r2_{factor}"] = found["images"]
    turned = [found["d_lsbd"] for found in probes.values() if "d_lsbd" in found]
    if turned:
        report["scores"]["d_lsbd"] = float(np.mean(turned))
    for key, value in list(report["scores"].items()):
        if not np.isfinite(value):
            del report["scores"][key]
            report["spread"].pop(key, None)
            spec = score_spec(key)
            why = f": it is not defined {spec.undefined}" if spec and spec.undefined else ""
            report["failed"][key] = f"it comes out as {value}{why}"
    order = [*SCORES, *report["scores"]]  # the challenge's five first
    keys = sorted(report["scores"], key=lambda key: order.index(key.removesuffix("_2019")))
    report["scores"] = {key: report["scores"][key] for key in keys}
    return report


def write_scores(run_dir: RunDir, scores: dict) -> None:
    """Writes scores.json, and each metric's numbers where the 2019 starter kit looks for them."""
    write_json(run_dir.scores, _finite(scores))
    for metric, numbers in scores["metrics"].items():
        path = run_dir.metrics / metric / "results" / "aggregate" / "evaluation.json"
        prefixed = {f"evaluation_results.{name}": value for name, value in numbers.items()}
        prefixed["evaluation_config.dataset.name"] = scores["dataset"]
        prefixed["evaluation_config.evaluation.random_seed"] = scores["seed"]
        write_json(path, _finite(prefixed))


def _finite(content: object) -> object:
    """The same with None for NaN and infinities, which JSON doesn't have."""
    return json.loads(json.dumps(content), parse_constant=lambda _: None)


def scores_by_column(scores: dict) -> dict[str, dict]:
    """What `column_report` says, by readout and then by baseline, as a table calls them."""
    readouts = scores.get("readouts") or {scores["readout"]: scores}
    beside = scores.get("baselines", {})
    return readouts | {BASELINES.get(name, name): report for name, report in beside.items()}


def format_scores(scores: dict) -> Table:
    """A table of the scores, a column for each readout and baseline."""
    columns = scores_by_column(scores)
    table = Table(title=Text(f"{scores['dataset']}, {scores['settings']} sample sizes"))
    table.add_column("score")
    for name in columns:
        table.add_column(name, justify="right")
    keys = dict.fromkeys(key for report in columns.values() for key in report["scores"])
    failed = dict.fromkeys(key for report in columns.values() for key in report["failed"])
    for key in keys:
        table.add_row(Text(key), *(_cell(report, key) for report in columns.values()))
    for factor in next(iter(columns.values()))["probes"]:
        for kind, label in _PROBES.items():
            if kind.startswith("pca_") and "baselines" in scores:
                continue  # a column of its own
            cells = [report["probes"][factor].get(kind) for report in columns.values()]
            if any(cell is not None for cell in cells):
                shown = ["" if cell is None else f"{cell:.4f}" for cell in cells]
                table.add_row(Text(f"r2_{factor}, {label}"), *shown)
    for key in failed:
        table.add_row(key, *("failed" if key in r["failed"] else "" for r in columns.values()))
    return table


_PROBES = {
    "objects": "held-out objects",
    "pca_images": "PCA of pixels",
    "pca_objects": "PCA of pixels, held-out objects",
}


def _cell(report: dict, key: str) -> str:
    if key not in report["scores"]:
        return ""
    spread = f" ± {report['spread'][key]:.4f}" if key in report["spread"] else ""
    return f"{report['scores'][key]:.4f}{spread}"
