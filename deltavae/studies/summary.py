"""Statistics of a study's table: means over seeds, ranks, rank correlations, model selection.

All functions take the table as `read_table` gives it: a row for each run and readout.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from deltavae.scoring.score_specs import lower_is_better, ranked
from deltavae.studies.results_table import KEYS

TRAINING = (
    "elbo",
    "held_out_elbo",
    "held_out_reconstruction",
    "held_out_information",
    "reconstruction",
    "kl",
    "information",
    "log_scale",
    "distance_to_orthogonality",
    "winding_number",
    "order_errors",
    "udr",
    "train_seconds",
    "score_seconds",
)
"""Columns that hold no score with labels."""
CRITERIA = ("elbo", "udr")
"""Columns by which a run can be chosen without labels; larger is better in each."""
GROUP = ["dataset", "setting", "readout"]
"""Columns that rows of different seeds share."""


def score_names(table: pd.DataFrame) -> list[str]:
    """Names of the columns with scores that are ranked and of which larger is better.

    Columns of swept values have a dot in their names, scores have none. The ELBO stands in
    where a table has no score.
    """
    names = [
        name
        for name in table.select_dtypes("number").columns
        if name not in (*KEYS, *TRAINING)
        and "." not in name
        and ranked(name)
        and not lower_is_better(name)
        and table[name].notna().any()
    ]
    return names or ["elbo"]


def by_setting(table: pd.DataFrame, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Mean, standard deviation over seeds (with n - 1) and number of runs, of each score.

    Returns:
        A row for each data set, setting and readout; columns (score, `mean` | `std` | `count`).
    """
    names = list(names or score_names(table))
    return table.groupby(GROUP)[names].agg(["mean", "std", "count"])


def ranks(table: pd.DataFrame, names: Sequence[str] | None = None) -> pd.DataFrame:
    """Rank of each setting with readout by its mean of each score, 1 the best, per data set.

    Returns:
        A row for each data set, setting and readout, the best `mean_rank` first within its
        data set; equal means share their rank.
    """
    names = list(names or score_names(table))
    means = table.groupby(GROUP)[names].mean()
    result = means.groupby("dataset").rank(ascending=False)
    result["mean_rank"] = result.mean(axis=1)
    return result.sort_values(["dataset", "mean_rank"])


def correlations(table: pd.DataFrame) -> pd.DataFrame:
    """Spearman's rank correlation of each two scores over runs, averaged over data sets.

    Taken within each data set, because data sets differ in level; a score that is constant or
    missing in a data set says nothing there.
    """
    names = score_names(table)
    each = [part[names].corr("spearman") for _, part in table.groupby("dataset")]
    with np.errstate(invalid="ignore"):
        mean = np.ma.masked_invalid(np.stack(each)).mean(axis=0).filled(np.nan)
    return pd.DataFrame(mean, index=names, columns=names)


def against_baselines(table: pd.DataFrame, baselines: Sequence[str]) -> pd.DataFrame:
    """Difference of each setting to each baseline, with the standard error of the difference.

    Settings are compared on the same data set and under the same readout; the standard error
    is Welch's, from the variances over seeds of both, and missing where one has a single seed.

    Returns:
        A row for each data set, readout, baseline and setting; columns
        (score, `difference` | `error`).
    """
    names = score_names(table)
    stats = by_setting(table)
    is_baseline = table.drop_duplicates("setting").set_index("setting")["variant"].isin(baselines)
    rows = {}
    for dataset, setting, readout in stats.index:
        for other in is_baseline.index[is_baseline]:
            if other == setting or (dataset, other, readout) not in stats.index:
                continue
            here, there = (
                stats.loc[(dataset, setting, readout)],
                stats.loc[(dataset, other, readout)],
            )
            rows[(dataset, readout, other, setting)] = {
                (name, what): value
                for name in names
                for what, value in (
                    ("difference", here[name]["mean"] - there[name]["mean"]),
                    (
                        "error",
                        np.sqrt(
                            here[name]["std"] ** 2 / here[name]["count"]
                            + there[name]["std"] ** 2 / there[name]["count"]
                        ),
                    ),
                )
            }
    result = pd.DataFrame.from_dict(rows, orient="index")
    if rows:
        result.index = pd.MultiIndex.from_tuples(
            rows, names=["dataset", "readout", "baseline", "setting"]
        )
        result.columns = pd.MultiIndex.from_tuples(result.columns)
    return result


def selection(table: pd.DataFrame) -> pd.DataFrame:
    """What choosing a run without labels gives.

    Within each data set and readout, the run with the largest ELBO, or UDR, is taken.

    Returns:
        A row for each data set, readout, criterion and score: `chosen` is the score of the run
        taken, beside the `mean`, `median` and `best` over all runs, and Spearman's
        `correlation` of criterion and score over runs. Empty without a criterion.
    """
    rows = []
    for (dataset, readout), part in table.groupby(["dataset", "readout"]):
        for criterion in CRITERIA:
            if criterion not in part or part[criterion].notna().sum() < 2:
                continue
            chosen = part.loc[part[criterion].idxmax()]
            for name in score_names(table):
                values = part[name]
                rows.append(
                    {
                        "dataset": dataset,
                        "readout": readout,
                        "criterion": criterion,
                        "score": name,
                        "chosen": chosen[name],
                        "mean": values.mean(),
                        "median": values.median(),
                        "best": values.max(),
                        "correlation": part[[criterion, name]].corr("spearman").iloc[0, 1],
                    }
                )
    return pd.DataFrame(rows)


def best_runs(table: pd.DataFrame) -> pd.DataFrame:
    """The run with the best mean rank over all scores, for each data set and readout."""
    names = score_names(table)
    rank = table.groupby(["dataset", "readout"])[names].rank(ascending=False).mean(axis=1)
    # runs without a score to rank come last, in their order
    best = rank.fillna(np.inf).groupby([table["dataset"], table["readout"]]).idxmin()
    return table.loc[best].reset_index(drop=True)


def mean_std(stats: pd.Series) -> str:
    """`mean ± std` of one score, as `by_setting` gives it, to three decimals."""
    if pd.isna(stats["mean"]):
        return "–"
    deviation = "" if pd.isna(stats["std"]) else f" ± {stats['std']:.3f}"
    return f"{stats['mean']:.3f}{deviation}"
