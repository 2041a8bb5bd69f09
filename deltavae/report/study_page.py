"""The report page of a study: one HTML file that needs no network."""

import base64
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment

from deltavae.io import atomic_write
from deltavae.studies import summary
from deltavae.studies.folder import StudyFolder
from deltavae.studies.study import Study

_TEMPLATE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Study {{ study.name }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 75em; padding: 0 1em; }
table { border-collapse: collapse; margin: 1em 0; display: block; overflow-x: auto; }
th, td { border-bottom: 1px solid #ddd; padding: .2em .7em; text-align: right; }
th:first-child, td:first-child, td.text { text-align: left; }
td.best { font-weight: 600; } img { max-width: 100%; } pre { overflow-x: auto; }
</style>
<h1>Study {{ study.name }}</h1>
<p>{{ table["run"].nunique() }} runs of {{ total }} are in this page: {{ study.variants|length }}
variants, {{ study.grid|length }} combinations of swept values, data sets
{{ study.datasets|join(", ") }}, seeds {{ study.seeds|join(", ") }}, readouts
{{ study.scoring.readouts|join(", ") }}; scores with the sample sizes
"{{ study.scoring.settings }}", protocol "{{ study.scoring.protocol }}".</p>
{% for dataset in datasets %}
<h2>{{ dataset.name }}</h2>
<p>Mean ± standard deviation over seeds; the best mean of each score is bold. Settings are in
the order of their mean rank over all scores, 1 the best.</p>
<table><tr><th>setting</th><th>readout</th><th>runs</th><th>mean rank</th>
{% for name in dataset.scores %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in dataset.rows %}<tr><td class="text">{{ row.setting }}</td>
<td class="text">{{ row.readout }}</td><td>{{ row.count }}</td>
<td>{{ "%.1f"|format(row.rank) }}</td>
{% for cell in row.cells %}<td{% if cell.best %} class="best"{% endif %}>{{ cell.text }}</td>
{% endfor %}</tr>{% endfor %}</table>
<img alt="Scores of each run by setting and readout" src="{{ dataset.figure }}">
{% endfor %}
<h2>Agreement of the metrics</h2>
<p>Spearman's rank correlation over runs, within data sets, averaged over them.</p>
<img alt="Rank correlations between scores" src="{{ correlations }}">
{% for title, text, rows in tables %}
<h2>{{ title }}</h2><p>{{ text }}</p>
<table><tr>{% for name in rows.columns %}<th>{{ name }}</th>{% endfor %}</tr>
{% for row in rows.itertuples(index=False) %}<tr>{% for cell in row %}
<td{% if cell is string %} class="text"{% endif %}>{{ cell|cell }}</td>{% endfor %}</tr>
{% endfor %}</table>{% endfor %}
<h2>Best runs</h2>
<p>The run with the best mean rank over all scores; seeds move scores as much as methods do.</p>
<ul>{% for row in best %}<li>{{ row.dataset }}, {{ row.readout }}:
<a href="runs/{{ row.run }}/{{ row.page }}">{{ row.setting }}, seed {{ row.seed }}</a></li>
{% endfor %}</ul>
{% if failures %}<h2>Failed runs</h2>
{% for each in failures %}<h3>{{ each.setting }}, {{ each.dataset }}, seed {{ each.seed }}</h3>
<p>Given up after {{ each.times }} tries with status {{ each.status }}.</p>
<pre>{{ each.log }}</pre>{% endfor %}{% endif %}
</html>
"""


def write_page(
    study: Study,
    folder: StudyFolder,
    table: pd.DataFrame,
    failures: Sequence[dict[str, Any]] = (),
) -> None:
    """Write `report.html` of the rows that there are, and of the runs that were given up."""
    environment = Environment(autoescape=True)
    environment.filters["cell"] = _cell
    content = environment.from_string(_TEMPLATE).render(
        study=study,
        table=table,
        total=sum(1 for _ in study.runs()),
        datasets=[_dataset(part, str(name)) for name, part in table.groupby("dataset")],
        correlations=_correlations(table),
        tables=_tables(study, table),
        best=_best(table, folder.path),
        failures=failures,
    )
    atomic_write(folder.report, content)


def _dataset(table: pd.DataFrame, name: str) -> dict[str, Any]:
    from deltavae.report.figures.study import scores_by_setting

    scores = [each for each in summary.score_names(table) if table[each].notna().any()]
    stats, ranks = summary.by_setting(table, scores), summary.ranks(table, scores)
    best = {each: stats[each]["mean"].max() for each in scores}
    rows = [
        {
            "setting": key[1],
            "readout": key[2],
            "count": int(stats.loc[key][scores[0]]["count"]) if scores else 0,
            "rank": rank,
            "cells": [
                {
                    "text": summary.spread(stats.loc[key][each]),
                    "best": stats.loc[key][each]["mean"] == best[each],
                }
                for each in scores
            ],
        }
        for key, rank in ranks["mean_rank"].items()
    ]
    order = {(row["setting"], row["readout"]): i for i, row in enumerate(rows)}
    place = [order[pair] for pair in zip(table["setting"], table["readout"], strict=True)]
    figure = scores_by_setting(table.assign(_place=place).sort_values("_place"), scores)
    return {"name": name, "scores": scores, "rows": rows, "figure": _image(figure)}


def _correlations(table: pd.DataFrame) -> str:
    from deltavae.report.figures.study import correlation_matrix

    return _image(correlation_matrix(summary.correlations(table))) if len(table) else ""


def _tables(study: Study, table: pd.DataFrame) -> list[tuple[str, str, pd.DataFrame]]:
    result = []
    compared = summary.against_baselines(table, study.baselines) if len(table) else table
    if study.baselines and len(compared):
        compared.columns = [f"{name} {what}" for name, what in compared.columns]
        text = "Difference of the means, and its standard error from the spread over seeds."
        result.append(("Against the baselines", text, compared.reset_index()))
    chosen = summary.selection(table)
    if len(chosen):
        text = (
            "The run with the largest ELBO or UDR, both known without labels, beside the mean, "
            "median and best of all runs; the correlation is Spearman's, over runs. ELBOs of "
            "different forms of the KL divergence are not on one scale."
        )
        result.append(("Selection without labels", text, chosen))
    return result


def _best(table: pd.DataFrame, folder: Path) -> list[dict[str, Any]]:
    rows = summary.best_runs(table).to_dict("records") if len(table) else []
    for row in rows:
        found = os.path.exists(folder / "runs" / row["run"] / "report.html")
        row["page"] = "report.html" if found else ""
    return rows


def _image(figure: Any) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "–" if pd.isna(value) else f"{value:.3f}"
    return str(value)
