"""Write the numbers of docs/results.md and README.md from the tables in docs/results/.

    python -m tools.results            # rewrites both pages
    python -m tools.results --check    # status 1 where a page differs from the tables

Comments in the pages say what stands before the next `<!-- end -->`:

    <!-- table NAME -->        the table of docs/results/NAME.csv
    <!-- chosen NAME -->       the same with only the setting of each variant that UDR chooses
    <!-- selection NAME -->    what choosing a run without labels gives
    <!-- seeds NAME -->        what choosing among the seeds of one setting gives
    <!-- value NAME COLUMN KEY=ENTRY ... -->    one number, of the row with these entries; an
                               entry for the variant and none for the setting means the setting
                               that UDR chooses
    <!-- correlation NAME CRITERION COLUMN KEY=ENTRY ... -->    one rank correlation over runs
                               with these entries; without=VARIANT,VARIANT leaves runs out

Scores are medians over seeds, with the least and the largest behind them.
"""

import argparse
import math
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from deltavae.studies import summary

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "docs" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "results.md")

# columns of a study's table, their heading, and digits
COLUMNS = {
    "reconstruction": ("-log p", 1),
    "information": ("nats", 1),
    "held_out_reconstruction": ("held-out -log p", 1),
    "held_out_information": ("held-out nats", 1),
    "held_out_elbo": ("held-out ELBO", 1),
    "udr": ("UDR", 2),
    "winding_number": ("winding number", 0),
    "order_errors": ("order errors", 0),
    "factor_vae_metric": ("FactorVAE", 2),
    "dci": ("DCI", 2),
    "mig": ("MIG", 2),
    "sap_score": ("SAP", 3),
    "irs": ("IRS", 2),
    "infom": ("InfoM", 2),
    "infoc": ("InfoC", 2),
    "infoe": ("InfoE", 2),
    "r2_azimuth": ("R² azimuth", 2),
    "r2_orientation": ("R² orientation", 2),
    "d_lsbd": ("D_LSBD", 2),
}
CRITERIA = {
    "elbo": "ELBO",
    "udr": "UDR",
    "distance_to_orthogonality": "DtO",
    "combined": "mean rank by all",
}
ROWS = ["dataset", "setting", "readout"]


def spread(values: pd.Series, digits: int) -> str:
    """Median over seeds, and the range where there are several: `.95 (.93 to .97)`."""
    values = values.dropna()
    if values.empty:
        return ""
    shown = [f"{value:.{digits}f}" for value in (values.median(), values.min(), values.max())]
    return shown[0] if len(values) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def read(name: str) -> pd.DataFrame:
    """docs/results/NAME.csv, by data set and setting, with numbers in settings by their size."""
    data = pd.read_csv(TABLES / f"{name}.csv", dtype={"variant": str, "setting": str})

    def key(row: int) -> tuple[str, list[str | float]]:
        parts = re.split(r"(\d+(?:\.\d+)?)", data["setting"][row])
        return data["dataset"][row], [*parts[::2], *map(float, parts[1::2])]

    return data.loc[sorted(data.index, key=key)].reset_index(drop=True)


def table(data: pd.DataFrame) -> str:
    """The Markdown table of a study: a row for each dataset, setting, readout."""
    known = [column for column in COLUMNS if column in data and data[column].notna().any()]
    # images that training saw are left out where there are others
    columns = [column for column in known if f"held_out_{column}" not in known]
    heads = [*ROWS, "seeds", *(COLUMNS[column][0] for column in columns)]
    lines = []
    for key, rows in data.groupby(ROWS, sort=False):
        cells = [spread(rows[column], COLUMNS[column][1]) for column in columns]
        lines.append([*map(str, key), str(rows["seed"].nunique()), *cells])
    return markdown(heads, lines)


def markdown(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---")


def selection(data: pd.DataFrame) -> str:
    """Two tables: rank correlations of criteria with scores, and the scores of chosen runs."""
    found = summary.selection(data)
    scores = [name for name in COLUMNS if name in set(found["score"])]
    heads = ["dataset", "readout", *(COLUMNS[name][0] for name in scores)]
    correlations, chosen = [], []
    for key, part in found.groupby(["dataset", "readout"], sort=False):
        by = part.set_index(["criterion", "score"])

        def cells(criterion: str, column: str, by: pd.DataFrame = by) -> list[str]:
            numbers = [by.loc[(criterion, name), column] for name in scores]
            return ["" if math.isnan(number) else f"{number:.2f}" for number in numbers]

        criteria = list(dict.fromkeys(part["criterion"]))
        for each in criteria:
            shown = zip(*(cells(each, end) for end in ("correlation", "low", "high")), strict=True)
            texts = [
                f"{middle} ({low} to {high})" if middle else "" for middle, low, high in shown
            ]
            correlations.append([*key, CRITERIA[each], *texts])
            chosen.append([*key, CRITERIA[each], *cells(each, "chosen")])
        chosen.insert(-len(criteria), [*key, "random pick", *cells(criteria[0], "mean")])
        chosen.append([*key, "best by labels", *cells(criteria[0], "best")])
    heads.insert(2, "criterion")
    chosen_heads = [*heads[:2], "run chosen by", *heads[3:]]
    return f"{markdown(heads, correlations)}\n\n{markdown(chosen_heads, chosen)}"


def among_seeds(data: pd.DataFrame) -> str:
    """What choosing among the seeds of one setting gives under the aligned readout.

    A cell is the score of the chosen seed minus the mean over the setting's seeds, averaged
    over settings, with the 95% bootstrap interval over settings.
    """
    data = summary.models(data)
    data = data[data["readout"] == "aligned"]
    scores = [name for name in COLUMNS if name in summary.score_names(data)]
    rows = []
    for dataset, part in data.groupby("dataset", sort=False):
        # without agreement between seeds there is no UDR to choose by
        settings = [runs for _, runs in part.groupby("setting") if runs["udr"].notna().all()]
        gains: dict[str, list[pd.Series]] = {"ELBO": [], "UDR": [], "best by labels": []}
        for runs in settings:
            means = runs[scores].mean()
            gains["ELBO"].append(runs.loc[runs["elbo"].idxmax(), scores] - means)
            gains["UDR"].append(runs.loc[runs["udr"].idxmax(), scores] - means)
            gains["best by labels"].append(runs[scores].max() - means)
        draws = np.random.RandomState(0).randint(len(settings), size=(1000, len(settings)))
        for chosen_by, found in gains.items():
            values = np.array(found, float)
            low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975], axis=0)
            cells = [
                "" if math.isnan(mean) else f"{mean:+.3f} ({least:+.3f} to {most:+.3f})"
                for mean, least, most in zip(values.mean(axis=0), low, high, strict=True)
            ]
            rows.append([str(dataset), str(len(settings)), chosen_by, *cells])
    heads = ["dataset", "settings", "seed chosen by", *(COLUMNS[name][0] for name in scores)]
    return markdown(heads, rows)


def rows_of(name: str, entries: dict[str, str]) -> pd.DataFrame:
    """The rows of a table that have these entries."""
    data = read(name)
    if "variant" in entries and "setting" not in entries:
        data = summary.chosen_settings(data)
    for key, wanted in entries.items():
        data = data[data[key].astype(str) == wanted]
    if data.empty:
        raise SystemExit(f"error: docs/results/{name}.csv has no row with {entries}")
    return data


def value(name: str, column: str, **entries: str) -> str:
    """One cell: the spread of a column over the seeds of the row that `entries` name."""
    data = rows_of(name, entries)
    if len(data[ROWS].drop_duplicates()) > 1:
        raise SystemExit(f"error: docs/results/{name}.csv has several rows with {entries}")
    return spread(data[column], COLUMNS[column][1])


def correlation(name: str, criterion: str, column: str, without: str = "", **entries: str) -> str:
    """One rank correlation over runs of a criterion with a score, with its interval."""
    data = rows_of(name, entries)
    found = summary.selection(data[~data["variant"].isin(without.split(","))])
    those = [
        one
        for _, one in found.iterrows()
        if (one["criterion"], one["score"]) == (criterion, column)
    ]
    if len(those) != 1:
        raise SystemExit(f"error: {len(those)} correlations of {name} are those of {entries}")
    one = those[0]
    return f"{one['correlation']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


KINDS: dict[str, Callable[[pd.DataFrame], str]] = {
    "table": table,
    "chosen": lambda data: table(summary.chosen_settings(data)),
    "selection": selection,
    "seeds": among_seeds,
}
NUMBERS: dict[str, Callable[..., str]] = {"value": value, "correlation": correlation}


def filled(text: str) -> str:
    """The page with every marked table and number written anew."""
    text = re.sub(
        r"(<!-- (table|chosen|selection|seeds) (\w+) -->\n).*?(<!-- end -->)",
        lambda found: found[1] + KINDS[found[2]](read(found[3])) + "\n" + found[4],
        text,
        flags=re.DOTALL,
    )

    def one(found: re.Match[str]) -> str:
        words = shlex.split(found[3])
        named = [word for word in words if "=" not in word]
        entries = dict(word.split("=", 1) for word in words if "=" in word)
        return f"{found[1]}{NUMBERS[found[2]](*named, **entries)}{found[4]}"

    return re.sub(r"(<!-- (value|correlation) ([^>]*?) -->).*?(<!-- end -->)", one, text)


def main(arguments: list[str] | None = None) -> int:
    """Rewrite the pages, or compare them; returns the exit status."""
    parser = argparse.ArgumentParser(description="Write the results pages from their tables.")
    parser.add_argument("--check", action="store_true", help="compare only")
    check = parser.parse_args(arguments).check
    stale = [page for page in PAGES if filled(page.read_text()) != page.read_text()]
    for page in [] if check else stale:
        page.write_text(filled(page.read_text()))
    for page in stale:
        sys.stdout.write(f"{page.relative_to(ROOT)}: {'differs' if check else 'written'}\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
