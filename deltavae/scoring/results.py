"""From the outcomes of metrics to the numbers of scores.json, and the table that is printed."""

from __future__ import annotations

import numpy as np
from rich.table import Table
from rich.text import Text

from deltavae.scoring import challenge
from deltavae.scoring.baselines import BASELINES
from deltavae.scoring.jobs import Job, Outcome
from deltavae.scoring.score_specs import SCORES, score_spec
from deltavae.scoring.scores_json import Column, Scores, by_readout, title_of


def score_key(score: str, version: str, protocol: str) -> str:
    """Name of a score: the 2019 number stands beside the current one only under `both`."""
    beside = protocol == "both" and version == "challenge2019"
    return f"{score}_2019" if beside and SCORES[score].depends_on_protocol else score


def column_report(
    readout: str,
    outcomes: dict[Job, Outcome],
    protocol: str,
    probes: dict[str, dict[str, float | str]],
) -> Column:
    """What scores.json says of one readout or baseline."""
    report: Column = {"scores": {}, "spread": {}, "metrics": {}, "probes": probes, "failed": {}}
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
        report["scores"][f"r2_{factor}"] = float(found["images"])
    turned = [float(found["d_lsbd"]) for found in probes.values() if "d_lsbd" in found]
    if turned:
        report["scores"]["d_lsbd"] = float(np.mean(turned))
    for key, value in list(report["scores"].items()):
        if not np.isfinite(value):
            del report["scores"][key]
            report["spread"].pop(key, None)
            spec = score_spec(key)
            why = f": it is not defined {spec.undefined}" if spec and spec.undefined else ""
            report["failed"][key] = f"it comes out as {value}{why}"
    report["scores"] = {key: report["scores"][key] for key in sorted(report["scores"], key=_place)}
    return report


def _place(key: str) -> int:
    """Position of a score in scores.json: the challenge's five first, those of factors last."""
    name = key.removesuffix("_2019")
    return list(SCORES).index(name) if name in SCORES else len(SCORES)


def scores_by_column(scores: Scores) -> dict[str, Column]:
    """What scores.json says, by readout and then by baseline, as a table calls them."""
    readouts = {title_of(scores, name): column for name, column in by_readout(scores).items()}
    beside = scores.get("baselines", {})
    return readouts | {BASELINES.get(name, name): report for name, report in beside.items()}


def format_scores(scores: Scores) -> Table:
    """A table of the scores, a column for each readout and baseline."""
    columns = scores_by_column(scores)
    table = Table(title=Text(f"{scores['dataset']}, {scores['settings']} sample sizes"))
    table.add_column("score", overflow="fold")
    for name in columns:
        table.add_column(Text(name), justify="right", overflow="fold")
    keys = dict.fromkeys(key for report in columns.values() for key in report["scores"])
    failed = dict.fromkeys(key for report in columns.values() for key in report["failed"])
    for key in keys:
        table.add_row(Text(key), *(_cell(report, key) for report in columns.values()))
    for factor, found in next(iter(columns.values()))["probes"].items():
        held_out = f"held-out values of {found.get('object_factor', 'another factor')}"
        for kind, label in _PROBES.items():
            if kind.startswith("pca_") and "baselines" in scores:
                continue  # a column of its own
            cells = [report["probes"][factor].get(kind, np.nan) for report in columns.values()]
            if np.isfinite(cells).any():
                shown = [f"{cell:.4f}" if np.isfinite(cell) else "" for cell in cells]
                table.add_row(Text(f"r2_{factor}, {label.format(held_out)}"), *shown)
    for key in failed:
        marks = ("failed" if key in report["failed"] else "" for report in columns.values())
        table.add_row(Text(key), *marks)
    return table


_PROBES = {
    "objects": "{}",
    "pca_images": "PCA of pixels",
    "pca_objects": "PCA of pixels, {}",
}


def _cell(report: Column, key: str) -> str:
    if key not in report["scores"]:
        return ""
    spread = f" ± {report['spread'][key]:.4f}" if key in report["spread"] else ""
    return f"{report['scores'][key]:.4f}{spread}"
