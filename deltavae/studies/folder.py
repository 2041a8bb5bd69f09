"""The folder of a study: its identity, and the folder of each run."""

from pathlib import Path
from typing import Any

import deltavae
from deltavae.errors import UserError
from deltavae.io import read_json, write_json
from deltavae.studies.run_spec import RunSpec, Scoring

FORMAT = 1
CODES = "codes.npz"
"""Codes of the same images for every run of a data set, an array for each readout."""


class StudyFolder:
    """Names in the folder of a study, and the state of its runs.

    `study.json` says whose folder it is, `runs/<id>/` holds one run each (with `spec.json`,
    `log.txt`, and `result.json` when it is finished or `failure.json` when it was given up),
    `results.csv` and `results.jsonl` the table, `report.html` the page.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        self.table = self.path / "results.csv"
        self.stream = self.path / "results.jsonl"
        self.report = self.path / "report.html"
        self.study = self.path / "study.json"

    def run(self, spec: RunSpec) -> Path:
        """Folder of a run."""
        return self.path / "runs" / spec.id

    def open(self, study: dict[str, Any]) -> None:
        """Make the folder, or check that it belongs to this study and this version.

        The seeds, data sets and settings of a study may change between two calls, but not what
        a data set contains: its finished runs would stand beside runs on other images.

        Raises:
            UserError: the folder belongs to another study or version, or holds other things.
        """
        digests = study.get("digests", {})
        mine = {"format": FORMAT, "version": deltavae.__version__, "name": study["name"]}
        if self.study.exists():
            found = read_json(self.study)
            before = found.get("study", {}).get("digests", {})
            for key, value in mine.items():
                if found.get(key) != value:
                    raise UserError(
                        f"{self.path} belongs to another {'study' if key == 'name' else key}",
                        expected=value,
                        received=found.get(key),
                        advice="Give this study a folder of its own with --output_dir.",
                    )
            for name, digest in digests.items():
                if before.get(name, digest) != digest:
                    raise UserError(
                        f"the data set {name} is not what it was for the runs in {self.path}",
                        expected=f"content with digest {before[name][:16]}",
                        received=f"digest {digest[:16]}",
                        advice="Give the study a new folder with --output_dir.",
                    )
            digests = before | digests
        elif self.path.exists() and any(each.name != ".lock" for each in self.path.iterdir()):
            raise UserError(
                f"{self.path} is not empty and holds no study",
                advice="Give the study a folder of its own with --output_dir.",
            )
        write_json(self.study, {**mine, "study": {**study, "digests": digests}})

    def result(self, spec: RunSpec, scoring: Scoring) -> dict[str, Any] | None:
        """The result of a finished run, or None where it has yet to be trained or scored.

        Raises:
            UserError: the run was made by another version.
        """
        path = self.run(spec) / "result.json"
        if not path.exists():
            return None
        result = read_json(path)
        if result.get("version") != deltavae.__version__:
            raise UserError(
                f"the run {path.parent} is from another version",
                expected=deltavae.__version__,
                received=result.get("version"),
                advice="Remove it, or give the study a new folder with --output_dir.",
            )
        return result if result.get("scoring") == scoring.id else None
