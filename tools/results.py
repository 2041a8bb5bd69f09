"""Write the numbers of docs/results.md and README.md from the tables in docs/results/.

    python tools/results.py            # rewrites both pages
    python tools/results.py --check    # status 1 where a page differs from the tables

Between `<!-- table NAME -->` and `<!-- end -->` stands the table of docs/results/NAME.csv; between
`<!-- value NAME ... -->` and `<!-- end -->` one number of it. Scores are medians over seeds, with
the least and the largest behind them.
"""

import argparse
import re
import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "docs" / "results"
PAGES = (ROOT / "README.md", ROOT / "docs" / "results.md")

# columns of a study's table, their heading, and digits
COLUMNS = {
    "reconstruction": ("-log p", 1),
    "information": ("nats", 1),
    "held_out_elbo": ("held-out ELBO", 1),
    "winding_number": ("winding number", 0),
    "order_errors": ("order errors", 0),
    "factor_vae_metric": ("FactorVAE", 2),
    "dci": ("DCI", 2),
    "mig": ("MIG", 2),
    "sap_score": ("SAP", 3),
    "irs": ("IRS", 2),
    "r2_azimuth": ("R² azimuth", 2),
    "d_lsbd": ("D_LSBD", 2),
}
ROWS = ["dataset", "setting", "readout"]


def spread(values: pd.Series, digits: int) -> str:
    """Median over seeds, and the range where there are several: `.95 (.93 to .97)`."""
    values = values.dropna()
    if values.empty:
        return ""
    shown = [f"{value:.{digits}f}" for value in (values.median(), values.min(), values.max())]
    return shown[0] if len(values) == 1 else f"{shown[0]} ({shown[1]} to {shown[2]})"


def table(name: str) -> str:
    """The Markdown table of docs/results/NAME.csv: a row for each dataset, setting, readout."""
    data = pd.read_csv(TABLES / f"{name}.csv")
    columns = [column for column in COLUMNS if column in data and data[column].notna().any()]
    heads = [*ROWS, "seeds", *(COLUMNS[column][0] for column in columns)]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for key, rows in data.groupby(ROWS, sort=False):
        cells = [spread(rows[column], COLUMNS[column][1]) for column in columns]
        lines.append(f"| {' | '.join([*map(str, key), str(rows['seed'].nunique()), *cells])} |")
    return "\n".join(lines)


def value(name: str, column: str, **chosen: str) -> str:
    """One cell: the spread of a column over the seeds of the row that `chosen` names."""
    data = pd.read_csv(TABLES / f"{name}.csv")
    for key, wanted in chosen.items():
        data = data[data[key].astype(str) == wanted]
    if data.empty:
        raise SystemExit(f"error: docs/results/{name}.csv has no row with {chosen}")
    return spread(data[column], COLUMNS[column][1])


def filled(text: str) -> str:
    """The page with every marked table and number written anew."""
    text = re.sub(
        r"(<!-- table (\w+) -->\n).*?(\n<!-- end -->)",
        lambda found: found[1] + table(found[2]) + found[3],
        text,
        flags=re.DOTALL,
    )

    def one(found: re.Match[str]) -> str:
        name, column, *pairs = found[2].split()
        chosen = dict(pair.split("=") for pair in pairs)
        return f"{found[1]}{value(name, column, **chosen)}{found[3]}"

    return re.sub(r"(<!-- value ([^>]*?) -->).*?(<!-- end -->)", one, text)


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
