"""UDR of the runs of a study: how far seeds of one setting agree, without labels."""

import numpy as np
import pandas as pd

from deltavae.scoring.udr import udr
from deltavae.studies.folder import CODES, StudyFolder


def with_udr(table: pd.DataFrame, folder: StudyFolder) -> pd.DataFrame:
    """The table with a column `udr`, from the codes that the runs left.

    Runs of one setting on one data set are compared under each readout; a run without another
    seed beside it, or without codes, has none.
    """
    values: dict[int, float] = {}
    codes: dict[str, dict[str, np.ndarray]] = {}
    for _, group in table.groupby(["dataset", "setting"]):
        codes.clear()
        for run in group["run"].unique():
            path = folder.path / "runs" / run / CODES
            if path.exists():
                with np.load(path) as arrays:
                    codes[run] = dict(arrays)
        for readout, rows in group.groupby("readout"):
            known = rows[[readout in codes.get(run, {}) for run in rows["run"]]]
            if len(known) > 1:
                scores = udr([codes[run][str(readout)] for run in known["run"]])
                values |= dict(zip(known.index, scores, strict=True))
    return table.assign(udr=pd.Series(values, dtype=float)) if values else table
