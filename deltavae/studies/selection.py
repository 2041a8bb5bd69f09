"""Model selection without labels: which run of a study to use, and its exported module."""

import filecmp
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from deltavae.errors import UserError
from deltavae.io import atomic_dir, require_writable, write_json
from deltavae.run_dir import RunDir
from deltavae.studies.folder import StudyFolder
from deltavae.studies.study import Study
from deltavae.studies.summary import models
from deltavae.studies.udr_of_runs import with_udr

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


def select(
    study: Study, folder: StudyFolder, table: pd.DataFrame, criterion: str
) -> Selection | None:
    """Select the run with the largest criterion, as `choose`; None where no run has finished.

    Each run takes part under one readout, the first in the study's order that it has: another
    may not fit its latent space.

    Args:
        study: of the table.
        folder: of the study, where the codes are that UDR compares.
        table: a row for each finished run and readout.
        criterion: `udr` or `elbo`.
    """
    order = {readout: place for place, readout in enumerate(study.scoring.readouts)}
    by_readout = table.sort_values("readout", key=lambda names: names.map(order), kind="stable")
    runs = by_readout.drop_duplicates("run")
    return choose(with_udr(runs, folder) if criterion == "udr" else runs, criterion)


def choose(runs: pd.DataFrame, criterion: str) -> Selection | None:
    """Choose the model with the largest criterion; None where there is none.

    The ELBO decides until two seeds of some setting have finished, and between runs of the same
    UDR. It is the ELBO of held-out images where the study holds images out.

    Args:
        runs: a row for each finished run of one data set, with `udr` where it is known.
        criterion: `udr` or `elbo`.
    """
    runs = models(runs)
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

    The folder is replaced as a whole, and left alone where it holds the same files already.

    Args:
        study: of the table.
        folder: of the study.
        table: a row for each finished run and readout.
        criterion: `udr` or `elbo`.
        directory: becomes a run's `representation/`, with `selection.json` in it.

    Returns:
        The selection; None where no run has finished.

    Raises:
        UserError: the representation of the selected run is no longer there.
    """
    chosen = select(study, folder, table, criterion)
    if chosen is None:
        return None
    source = RunDir(folder.path / "runs" / chosen.run).representation
    if not source.is_dir():
        raise UserError(
            "the representation of the chosen run is missing",
            expected=f"the folder {source}",
            received="none",
            advice=f"Leave --export out, or remove {source.parent}: the same command then trains "
            "that run again.",
        )
    directory = directory.resolve()  # a symbolic link stays one
    record = directory / RECORD
    # by content: the same run trained again has the same id and other weights
    if record.exists() and _same_files(source, directory):
        write_json(record, asdict(chosen))
    else:
        with atomic_dir(directory) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
            write_json(temporary / RECORD, asdict(chosen))
    return chosen


def _same_files(source: Path, export: Path) -> bool:
    """Whether an export holds the files of `source`, to the byte, and `selection.json`."""
    there, here = (
        {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        for root in (source, export)
    )
    return here == there | {Path(RECORD)} and all(
        filecmp.cmp(source / name, export / name, shallow=False) for name in there
    )
