"""The page that compares runs: a table of their scores, and a figure with their uncertainty."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deltavae.io import atomic_write
from deltavae.report.figures.scores import comparison_plot, on_the_axis
from deltavae.report.render import now, number, render
from deltavae.report.section import Picture
from deltavae.run_dir import RunDir
from deltavae.scoring.comparison import labels, read_comparable
from deltavae.scoring.score_specs import described
from deltavae.scoring.scores_json import Scores, title_of


def write_comparison(run_dirs: Sequence[str | Path], output: Path) -> Path:
    """Write a page that compares scored runs: a table, and a figure with their uncertainty.

    Runs whose configuration and readout differ in the seed only are repeats of one column.

    Args:
        run_dirs: two folders or more.
        output: the file to write.

    Raises:
        UserError: fewer than two runs, one without scores, or runs scored differently.
    """
    runs, scores = [RunDir(path) for path in run_dirs], read_comparable(run_dirs)
    names = labels(run_dirs)
    groups = _grouped(runs, names, scores)
    keys = list(dict.fromkeys(key for one in scores for key in one["scores"]))
    values = {label: [one["scores"] for one in members] for label, members in groups.items()}
    page = render(
        "comparison_page.html",
        title=f"{scores[0]['dataset']}: {len(runs)} runs compared",
        scores=scores[0],
        runs=names,
        labels=list(groups),
        counts=[len(members) for members in groups.values()],
        rows=[(key, described(key), [_cell(v, key) for v in values.values()]) for key in keys],
        picture=_plot(groups, values, keys),
        differences=_differences(runs, scores),
        created=now(),
    )
    atomic_write(output, page)
    return output


def _plot(
    groups: dict[str, list[Scores]], values: dict[str, list[dict[str, float]]], keys: Sequence[str]
) -> Picture | None:
    drawn, others = on_the_axis(
        {key: [run.get(key) for runs in values.values() for run in runs] for key in keys}
    )
    if not drawn:
        return None
    return Picture(
        "comparison",
        "Scores",
        "Small dots are runs, large marks their mean. Whiskers: the standard error of the mean "
        "over training seeds or, for a single run, the standard deviation over repeats of the "
        f"scoring, where there were any.{others}",
        comparison_plot(values, drawn, _std_of_single_runs(groups)),
        vector=True,
    )


def _grouped(
    runs: Sequence[RunDir], names: Sequence[str], scores: Sequence[Scores]
) -> dict[str, list[Scores]]:
    """Scores by configuration and readout, labelled by the name of the first run of each."""
    first: dict[tuple[str, ...], str] = {}
    groups: dict[str, list[Scores]] = {}
    for run, name, one in zip(runs, names, scores, strict=True):
        config = _bindings(run)
        config.pop("train.seed", None)
        # a run without a configuration is like no other
        kind = (str(sorted(config.items())) if config else str(run.path), str(one["readout"]))
        groups.setdefault(first.setdefault(kind, name), []).append(one)
    return groups


def _std_of_single_runs(groups: dict[str, list[Scores]]) -> dict[str, dict[str, float]]:
    return {
        label: members[0].get("spread", {})
        for label, members in groups.items()
        if len(members) == 1
    }


def _cell(runs: Sequence[dict[str, float]], key: str) -> str:
    values = np.array([run[key] for run in runs if run.get(key) is not None])
    if not len(values):
        return "–"
    if len(values) == 1:
        return number(float(values[0]))
    error = values.std(ddof=1) / np.sqrt(len(values))
    return f"{values.mean():.3f} ± {error:.3f}"


def _bindings(run: RunDir) -> dict[str, str]:
    """The bindings of the operative configuration, continuation lines joined."""
    text = run.config.read_text() if run.config.is_file() else ""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = (line.partition("=") for line in lines if not line.startswith("#"))
    return {name.strip(): value.strip() for name, equals, value in pairs if equals}


def _differences(runs: Sequence[RunDir], scores: Sequence[Scores]) -> list[tuple[str, list[str]]]:
    """Bindings in which the runs differ, one value per run."""
    columns = [
        _bindings(run) | {"readout": title_of(one, one["readout"])}
        for run, one in zip(runs, scores, strict=True)
    ]
    names = sorted({name for column in columns for name in column})
    table = [(name, [column.get(name, "–") for column in columns]) for name in names]
    return [(name, values) for name, values in table if len(set(values)) > 1]
