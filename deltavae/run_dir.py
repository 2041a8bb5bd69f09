"""The names of everything a run writes."""

import os
from pathlib import Path


class RunDir:
    """One run is one folder; this class knows the name of each thing in it.

    The layout is the one of the 2019 challenge's starter kit: `model/` for what training
    leaves, `representation/` for what the grader loads, `metrics/` for local scores.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.model = self.path / "model"
        self.checkpoints = self.model / "checkpoints"
        self.config = self.model / "config.gin"
        self.history = self.model / "history.json"
        self.info = self.model / "run.json"
        self.keras_model = self.model / "model.keras"
        self.tensorboard = self.model / "tensorboard"
        self.representation = self.path / "representation"
        self.tfhub = self.representation / "tfhub"
        self.results = self.representation / "results"
        self.metrics = self.path / "metrics"
        self.scores = self.path / "scores.json"
        self.report = self.path / "report.html"

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"RunDir({str(self.path)!r})"
