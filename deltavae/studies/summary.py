"""Statistics of a study's table: means over seeds, ranks, rank correlations, model selection.

All functions take the table as `read_table` gives it: a row for each run and readout.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import scipy.stats

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
CRITERIA = {"elbo": 1, "udr": 1, "distance_to_orthogonality": -1}
"""Columns by which a run can be chosen without labels; 1 where larger is better, else -1."""
COMBINED = "combined"
"""The mean rank by all of the criteria."""
GROUP = ["dataset", "setting", "readout"]
"""Columns that rows of different seeds share."""


def models(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of trained models, which have an ELBO; a PCA of the pixels has none."""
    return table[table["elbo"].notna()] if "elbo" in table else table.iloc[:0]


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


def chosen_settings(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the best setting of each variant, chosen without labels.

    Of a variant that was run with several values of a hyperparameter, the setting with the
    largest median UDR over its seeds is kept, for each data set and readout on its own; the
    first of equals. A variant of several settings of which none has a UDR has no rows.
    """
    kept = []
    for _, part in table.groupby(["dataset", "variant", "readout"], sort=False):
        settings = part.groupby("setting", sort=False)
        if len(settings) == 1:
            kept.append(part)
        elif "udr" in part and part["udr"].notna().any():
            kept.append(part[part["setting"] == settings["udr"].median().idxmax()])
    return pd.concat(kept).sort_index() if kept else table.iloc[:0]


def criteria(runs: pd.DataFrame) -> pd.DataFrame:
    """The criteria of runs of one data set under one readout, larger better in each.

    Args:
        runs: a row for each run.

    Returns:
        The columns of `CRITERIA` that two runs or more have. If they are several and two runs or
        more have them all, also `COMBINED`, the mean of a run's ranks by each.
    """
    known = {
        name: sign * runs[name]
        for name, sign in CRITERIA.items()
        if name in runs and runs[name].notna().sum() > 1
    }
    result = pd.DataFrame(known, index=runs.index)
    complete = result.dropna()
    if len(known) > 1 and len(complete) > 1:
        result[COMBINED] = complete.rank().mean(axis=1)
    return result


def selection(table: pd.DataFrame, resamples: int = 1000) -> pd.DataFrame:
    """What choosing a run without labels gives.

    Within each data set and readout, the model that is best by each of `criteria` is taken.

    Args:
        table: of the study.
        resamples: of the bootstrap over runs.

    Returns:
        A row for each data set, readout, criterion and score: `chosen` is the score of the run
        taken, beside the `mean` (what a random pick gives), `median` and `best` over all runs;
        Spearman's `correlation` of criterion and score over runs, with the ends `low` and
        `high` of its 95% confidence interval. Empty without a criterion.
    """
    rows = []
    for (dataset, readout), part in models(table).groupby(["dataset", "readout"]):
        for criterion, by in criteria(part).items():
            chosen = part.loc[by.idxmax()]
            for name in score_names(table):
                values = part[name]
                both = by.notna() & values.notna()
                correlation, low, high = _rank_correlation(by[both], values[both], resamples)
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
                        "correlation": correlation,
                        "low": low,
                        "high": high,
                    }
                )
    return pd.DataFrame(rows)


def _rank_correlation(
    first: pd.Series, second: pd.Series, resamples: int
) -> tuple[float, float, float]:
    """Spearman's correlation and its 95% percentile interval over resampled pairs.

    The interval is missing for fewer than five pairs, where resampling says nothing. A resample
    in which one side is constant is left out.
    """

    def spearman(x: np.ndarray, y: np.ndarray, axis: int = -1) -> np.ndarray:
        x, y = (scipy.stats.rankdata(each, axis=axis) for each in (x, y))
        x, y = (each - each.mean(axis=axis, keepdims=True) for each in (x, y))
        scale = np.sqrt((x**2).sum(axis=axis) * (y**2).sum(axis=axis))
        products = (x * y).sum(axis=axis)
        return np.divide(products, scale, out=np.full_like(scale, np.nan), where=scale > 0)

    pairs = np.stack([first, second]).astype(float)
    if pairs.shape[1] < 2:
        return (np.nan,) * 3
    found = float(spearman(pairs[:1], pairs[1:])[0])
    if pairs.shape[1] < 5 or np.isnan(found):
        return found, np.nan, np.nan
    drawn = np.random.RandomState(0).randint(pairs.shape[1], size=(resamples, pairs.shape[1]))
    low, high = np.nanquantile(spearman(pairs[0][drawn], pairs[1][drawn]), [0.025, 0.975])
    return found, float(low), float(high)


def best_runs(table: pd.DataFrame) -> pd.DataFrame:
    """The model with the best mean rank over all scores, for each data set and readout."""
    names, table = score_names(table), models(table)
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
