"""Scored runs side by side, ranked by mean ranks or as the challenge's leaderboard did."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.stats
from rich.table import Table
from rich.text import Text

from deltavae.errors import UserError, command
from deltavae.run_dir import RunDir
from deltavae.scoring.code_sources import outdated
from deltavae.scoring.score_specs import CHALLENGE, lower_is_better, ranked
from deltavae.scoring.scores_json import Column, Scores, by_readout, read_scores, title_of


class Entry(NamedTuple):
    """A column of a comparison: one readout of one run.

    Attributes:
        run: which of the runs.
        title: what heads it.
        numbers: what scores.json says of it.
    """

    run: int
    title: str
    numbers: Column


def compare(
    folders: Sequence[str | Path],
    unranked: Mapping[str, np.ndarray] | None = None,
    readouts: Sequence[str] = (),
) -> Table:
    """A table of runs side by side, with the mean of their ranks over the scores they share.

    Rank 1 is the best; equal scores share the mean of their ranks. Every readout of a run has
    a column of its own.

    Args:
        folders: folders with a scores.json each.
        unranked: further rows, (runs,) numbers each, that don't enter the ranks.
        readouts: which to show, as for `entries_of`.

    Raises:
        UserError: fewer than two runs, a run without scores, or runs scored differently.
    """
    all_scores = read_comparable(folders)
    entries = entries_of(labels(folders), all_scores, readouts)
    found = [entry.numbers["scores"] for entry in entries]
    shared = [key for key in found[0] if all(each.get(key) is not None for each in found)]
    entering = [ranked(key) for key in shared]
    if not any(entering):
        raise UserError("the runs have no score in common", received=[str(f) for f in folders])
    matrix = np.array([[each[key] for key in shared] for each in found])
    signed = np.where([lower_is_better(key) for key in shared], -matrix, matrix)
    table = _table(
        f"mean ranks over {sum(entering)} scores, ties averaged",
        "Rank 1 is the best, and equal scores share the mean of their ranks. The mean is over all "
        "but those that are only shown (not ranked); lower is better where marked (-).",
        entries,
        all_scores,
    )
    for key, column in zip(shared, matrix.T, strict=True):
        mark = " (-)" if lower_is_better(key) else "" if ranked(key) else " (not ranked)"
        table.add_row(Text(f"{key}{mark}"), *(f"{value:.4f}" for value in column))
    firsts = [i == 0 or entries[i - 1].run != entry.run for i, entry in enumerate(entries)]
    for key, row in (unranked or {}).items():
        numbers = [f"{row[entry.run]:.4f}" for entry in entries]
        cells = [number if first else "" for number, first in zip(numbers, firsts, strict=True)]
        table.add_row(f"{key} (not ranked)", *cells)
    ranks = mean_ranks(signed[:, entering])
    table.add_row("mean rank", *(f"{rank:.2f}" for rank in ranks), style="bold")
    return table


def labels(folders: Sequence[str | Path]) -> list[str]:
    """What to call each folder: its name, after those of its parents where names repeat."""
    paths = [Path(os.path.abspath(folder)) for folder in folders]
    return [_label(path, {other for other in paths if other != path}) for path in paths]


def _label(path: Path, others: Collection[Path]) -> str:
    ends = (path.parts[-number:] for number in range(1, len(path.parts)))
    alone = (end for end in ends if not any(other.parts[-len(end) :] == end for other in others))
    return str(Path(*next(alone, path.parts)))


def entries_of(
    names: Sequence[str], all_scores: Sequence[Scores], readouts: Sequence[str] = ()
) -> list[Entry]:
    """The columns of a comparison, run by run.

    Args:
        names: of the runs, as `labels` makes them.
        all_scores: of the runs.
        readouts: which to show. By default those that all runs have or, where they have none in
            common, the first one of each. Codes that something else made, scored as they are,
            stand beside any.

    Raises:
        UserError: a run was not scored under one of the readouts.
    """
    columns = [by_readout(scores) for scores in all_scores]
    of_runs = [
        found
        for found, scores in zip(columns, all_scores, strict=True)
        if title_of(scores, next(iter(found))) != "codes"
    ] or columns
    chosen = list(readouts) or [n for n in of_runs[0] if all(n in each for each in of_runs)]
    entries = []
    for run, (name, scores, found) in enumerate(zip(names, all_scores, columns, strict=True)):
        first = next(iter(found))
        shown = [readout for readout in dict.fromkeys(chosen) if readout in found]
        missing = [readout for readout in readouts if readout not in found]
        if missing and title_of(scores, first) != "codes":
            raise UserError(
                f"{name} was not scored under {missing[0]}",
                expected=f"--readouts among {', '.join(found)}",
                received=", ".join(readouts),
                advice="Score it again with these --readouts.",
            )
        for readout in shown or [first]:
            title = f"{name} ({title_of(scores, readout)})"
            entries.append(Entry(run, title, found[readout]))
    return entries


def compare_as_challenge(
    folders: Sequence[str | Path],
    participants: Sequence[str] | None = None,
    readouts: Sequence[str] = (),
) -> Table:
    """A table of runs in the places that the challenge's leaderboard would give them.

    Args:
        folders: folders with a scores.json each, in the order of submission.
        participants: whose each run is; by default each is of a participant of its own.
        readouts: the one to take of each run; by default its first, which was handed in.

    Raises:
        UserError: as for `compare`, or several readouts.
    """
    if len(readouts) > 1:
        raise UserError(
            "an entry to the challenge is one readout of a run",
            expected="one name in --readouts with --ranking challenge",
            received=", ".join(readouts),
        )
    all_scores = read_comparable(folders)
    firsts = [next(iter(by_readout(scores))) for scores in all_scores]
    entries = [
        entry
        for name, scores, first in zip(labels(folders), all_scores, firsts, strict=True)
        for entry in entries_of([name], [scores], readouts or [first])
    ]
    found = [entry.numbers["scores"] for entry in entries]
    old = all(f"{key}_2019" in each for each in found for key in ("dci", "sap_score"))
    keys = [f"{key}_2019" if old and key in ("dci", "sap_score") else key for key in CHALLENGE]
    matrix = np.array([[each.get(key) or 0.0 for key in keys] for each in found])
    whose = list(participants or map(str, range(len(folders))))
    current = not old and all_scores[0]["protocol"] != "challenge2019"
    table = _table(
        "places by the challenge's ranking",
        "Ties share the better rank, and a score that is missing counts as 0. Of a participant's "
        "entries the best one gets a place."
        + (" DCI and SAP are today's, not those of 2019." if current else ""),
        entries,
        all_scores,
    )
    for key, column in zip(keys, matrix.T, strict=True):
        table.add_row(key, *(f"{value:.4f}" for value in column))
    places = challenge_places(matrix, whose)
    rank_of = {place.entry: f"{place.mean_rank:.2f}" for place in places}
    place_of = {place.entry: str(number) for number, place in enumerate(places, start=1)}
    if participants:
        table.add_row("participant", *map(Text, whose))
    table.add_row("mean rank", *(rank_of.get(i, "") for i in range(len(folders))))
    table.add_row("place", *(place_of.get(i, "") for i in range(len(folders))), style="bold")
    return table


def read_comparable(folders: Sequence[str | Path]) -> list[Scores]:
    """Read the scores of runs that can be compared: of one dataset, and scored in one way.

    Args:
        folders: folders with a scores.json each.

    Raises:
        UserError: fewer than two runs, a run without scores, or runs scored differently.
    """
    if len(folders) < 2:
        raise UserError("nothing to compare", expected="two runs or more", received=len(folders))
    score = f"{command('evaluate')} --run_dir"
    all_scores = [
        read_scores(folder, f"Score it: {score} {shlex.quote(str(folder))}") for folder in folders
    ]
    for folder, scores in zip(folders, all_scores, strict=True):
        if outdated(RunDir(folder), scores):
            raise UserError(
                f"the scores of {folder} are of an earlier model of this run",
                expected="scores of the model that is there now",
                advice=f"Score it again: {score} {shlex.quote(str(folder))}",
            )
    for field in ("dataset", "protocol", "settings", "discrete"):
        # files older than a field were scored as it is by default
        values = [scores.get(field) or False for scores in all_scores]
        if len(set(values)) > 1:
            without = "without --discrete"
            said = [
                str(value) if field != "discrete" else "--discrete" if value else without
                for value in values
            ]
            what = "use of --discrete" if field == "discrete" else field
            raise UserError(
                f"the runs differ in their {what}, so their scores do not compare",
                expected="the same for all",
                received=", ".join(
                    f"{folder}: {each}" for folder, each in zip(folders, said, strict=True)
                ),
                advice="Score them again in one way.",
            )
    digests = {digest[:16] for s in all_scores if (digest := s.get("dataset_digest"))}
    if len(digests) > 1:
        raise UserError(
            "runs were scored on different contents of their dataset",
            expected=f"one digest of {all_scores[0]['dataset']}",
            received=" and ".join(sorted(digests)),
        )
    return all_scores


def _table(
    title: str, caption: str, entries: Sequence[Entry], all_scores: Sequence[Scores]
) -> Table:
    table = Table(title=Text(f"{all_scores[0]['dataset']}: {title}"), caption=caption)
    table.add_column("score", overflow="fold")
    for entry in entries:
        table.add_column(Text(entry.title), justify="right", overflow="fold")
    return table


def mean_ranks(scores: np.ndarray) -> np.ndarray:
    """Mean rank of each run over scores (runs, scores), 1 the best, ties averaged."""
    return np.asarray(scipy.stats.rankdata(-scores, axis=0).mean(axis=1))


class Place(NamedTuple):
    """An entry that is its participant's best, and its mean rank among those."""

    entry: int
    mean_rank: float


def challenge_places(scores: np.ndarray, participants: Sequence[str]) -> list[Place]:
    """The leaderboard of the 2019 challenge, first place first.

    An entry's rank by a score is 1 plus the number of entries with a strictly greater score, and
    its mean rank the mean over the scores. The entry of least mean rank is its participant's
    best; all entries of that participant leave, and ranks are computed again, until nobody is
    left. Among the bests ranks are computed once more. Equal mean ranks are in the order of
    submission, which is the order of the entries here.

    Args:
        scores: (entries, scores), 0 for a score that an entry doesn't have.
        participants: whose each entry is.
    """
    whose = np.asarray(participants)
    left = np.arange(len(scores))
    bests = []
    while len(left):
        best = left[np.argmin(_leaderboard_ranks(scores[left]))]
        bests.append(best)
        left = left[whose[left] != whose[best]]
    bests = sorted(bests)
    ranks = _leaderboard_ranks(scores[bests])
    order = np.argsort(ranks, kind="stable")
    return [Place(int(bests[i]), float(ranks[i])) for i in order]


def _leaderboard_ranks(scores: np.ndarray) -> np.ndarray:
    return np.asarray(scipy.stats.rankdata(-scores, method="min", axis=0).mean(axis=1))
