"""Model selection without labels: which run of a study to use, and its exported module."""

import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from deltavae.errors import UserError
from deltavae.io import atomic_dir, read_json, require_writable, write_json
from deltavae.run_dir import RunDir
from deltavae.studies.folder import StudyFolder
from deltavae.studies.study import Study
from deltavae.studies.summary import models
from deltavae.studies.udr_of_runs import with_udr

CRITERIA = ("udr", "elbo")
"""What `--select` takes; a larger value is better in each."""
RECORD = "selection.json"


@dataclass(frozen=True)
class Selection:
    """The chosen run.

    Attributes:
        run: its folder in `runs/`.
        setting, dataset, seed: of the run.
        criterion: column of the table that decided: udr, elbo or held_out_elbo; empty where one
            run only had finished.
        value: of the criterion; None where one run only had finished.
        candidates: number of finished runs.
        reason: in a sentence.
    """

    run: str
    setting: str
    dataset: str
    seed: int
    criterion: str
    value: float | None
    candidates: int
    reason: str


def require_selectable(study: Study, criterion: str) -> None:
    """Refuse, before anything is trained, a study in which no run can be selected.

    Raises:
        UserError: the study has several data sets, or UDR is asked for with one seed.
    """
    if len(study.datasets) > 1:
        raise UserError(
            "runs on different data sets cannot be selected from",
            expected="a study with one data set",
            received=", ".join(study.datasets),
        )
    if criterion == "udr" and len(study.seeds) < 2:
        raise UserError(
            "UDR compares seeds of one setting",
            expected="two seeds or more in study.seeds",
            received=len(study.seeds),
            advice="Give more seeds, or --select elbo.",
        )


def require_exportable(directory: Path) -> None:
    """Refuse, before anything is trained, a folder that the selected run cannot be exported to.

    The folder is replaced as a whole, after every run, so it must hold nothing but an export.

    Raises:
        UserError: it holds other things, is a mount point, or cannot be written beside.
    """
    target = directory.resolve()
    holds = next(iter(sorted(os.listdir(target))), None) if target.is_dir() else None
    if os.path.ismount(target) or target == Path.cwd():
        holds = "a mount point, or the current folder"
    elif target.exists() and not target.is_dir():
        holds = "a file"
    elif (target / RECORD).is_file():
        holds = None
    if holds is not None:
        raise UserError(
            f"--export would replace {directory}",
            expected=f"a new or empty folder, or one with a {RECORD} of an earlier export",
            received=holds,
            advice="Name another folder (with run.sh, another AICROWD_EVALUATION_NAME), or move "
            "what is there.",
        )
    require_writable(target.parent)


def select(table: pd.DataFrame, criterion: str) -> Selection | None:
    """Select the run with the largest criterion; None where no run has finished.

    UDR is that of the readout which the study names first. The ELBO decides until two seeds of
    some setting have finished, and between runs of the same UDR. It is the ELBO of held-out
    images where the study holds images out.

    Args:
        table: rows of finished runs of one data set, with `udr` where it is known.
        criterion: of `CRITERIA`.
    """
    runs = models(table).drop_duplicates("run")
    if runs.empty:
        return None
    held_out = "held_out_elbo" in runs and runs["held_out_elbo"].notna().all()
    elbo = "held_out_elbo" if held_out else "elbo"
    udr_known = criterion == "udr" and "udr" in runs and runs["udr"].notna().any()
    column = "udr" if udr_known else elbo
    if len(runs) == 1:
        chosen, column, value = runs.iloc[0], "", None
        reason = "the only run that has finished"
    else:
        best = runs[runs[column] == runs[column].max()]
        chosen = best.sort_values(elbo, ascending=False, kind="stable").iloc[0]
        value = float(chosen[column])
        reason = f"the largest {column} of {len(runs)} finished runs, {value:.4g}; "
        if len(best) > 1:
            reason += f"{len(best)} runs have it, of which this one has the largest {elbo}"
        else:
            reason += f"the others have at most {runs[column].drop(chosen.name).max():.4g}"
        if criterion == "udr" and not udr_known:
            reason += ". No setting has two seeds yet, so that there is no UDR"
    return Selection(
        run=str(chosen["run"]),
        setting=str(chosen["setting"]),
        dataset=str(chosen["dataset"]),
        seed=int(chosen["seed"]),
        criterion=column,
        value=value,
        candidates=len(runs),
        reason=reason,
    )


def export_selected(
    study: Study, folder: StudyFolder, table: pd.DataFrame, criterion: str, directory: Path
) -> Selection | None:
    """Copy the exported representation of the selected run to `directory`, with the reason.

    The folder is replaced as a whole, and left alone where the selection is the same.

    Args:
        study: of the table.
        folder: of the study.
        table: rows of finished runs.
        criterion: of `CRITERIA`.
        directory: becomes a run's `representation/`, with `selection.json` in it.

    Returns:
        The selection; None where no run has finished.
    """
    first = table[table["readout"] == study.scoring.readouts[0]]
    chosen = select(with_udr(first if len(first) else table, folder), criterion)
    if chosen is None:
        return None
    directory = directory.resolve()  # a symbolic link stays one
    record = directory / RECORD
    if not record.exists() or read_json(record)["run"] != chosen.run:
        with atomic_dir(directory) as temporary:
            source = RunDir(folder.path / "runs" / chosen.run).representation
            shutil.copytree(source, temporary, dirs_exist_ok=True)
            write_json(temporary / RECORD, asdict(chosen))
    else:
        write_json(record, asdict(chosen))
    return chosen
