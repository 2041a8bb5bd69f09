"""One run of a study, in a process that the study starts: `deltavae study_worker SPEC.json`.

Trains (or goes on from a checkpoint), scores, and leaves `result.json` beside the specification.
"""

import os
import threading
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from deltavae.cli.flags import Parser
from deltavae.errors import UserError
from deltavae.io import locked, read_json, write_json
from deltavae.run_dir import RunDir
from deltavae.scoring.scores_json import Scores, by_readout
from deltavae.studies.folder import CODES
from deltavae.studies.run_spec import Scoring

_WATCH_EVERY = 1.0


def watch_parent() -> None:
    """End this process when its parent does, so that nothing is done twice at one time."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_EVERY)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def parser(prog: str) -> Parser:
    """The flags of `study_worker`."""
    flags = Parser(prog, "Carry out one run of a study.", ["SPEC.json"], "SPEC.json")
    flags.add_argument("spec", metavar="SPEC.json", type=Path, help="What to train and score.")
    flags.data_dir()
    return flags


def command(options: Namespace) -> int:
    """Train and score the run, unless the process that asked for it ends."""
    watch_parent()
    carry_out(options.spec)
    return 0


def carry_out(spec_file: Path) -> None:
    """Train (or go on from a checkpoint) and score one run, and write `result.json`."""
    spec = read_json(spec_file)
    folder, run = spec_file.parent, spec["run"]
    scoring = Scoring.from_json(spec["scoring"])
    with locked(folder / "worker"):
        run_dir = RunDir(folder)
        if run.get("pixels"):
            rows, failed = _score_pixels(run, run_dir, scoring)
        else:
            exported = (run_dir.tfhub / "saved_model.pb").is_file()
            if not (run_dir.keras_model.is_file() and exported):  # saved before it is exported
                _train(run, run_dir)
            rows, failed = _score(run, run_dir, scoring)
    content = {"version": spec["version"], "scoring": scoring.id, "rows": rows, "failed": failed}
    write_json(folder / "result.json", content)


def _train(run: dict[str, Any], run_dir: RunDir) -> None:
    from deltavae.cli.train import train_command

    train_command(
        files=run["gin_configs"],
        bindings=[*run["bindings"], f"train.seed = {run['seed']}"],
        dataset=run["dataset"],
        output_dir=str(run_dir.path),
        resume=run_dir.can_be_resumed(),
        overwrite=False,
        bindings_checked=True,
    )


def _score(
    run: dict[str, Any], run_dir: RunDir, scoring: Scoring
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row of the table for each readout, and which scores failed and why."""
    from deltavae.scoring.evaluate import evaluate
    from deltavae.studies.measures import codes_by_readout, measure
    from deltavae.training.saved_run import load_run

    begun = time.monotonic()
    run_dir.report.unlink(missing_ok=True)  # it shows scores
    loaded = load_run(run_dir.path)
    if loaded.data is None:
        raise UserError("the data set is not there", received=run["dataset"])
    measured = measure(loaded.model, loaded.data, loaded.info["settings"]["holdout"])
    kl_per_factor = loaded.history[-1].get("kl_per_factor") if loaded.history else None
    codes = codes_by_readout(loaded.model, loaded.data, scoring.readouts, kl_per_factor)
    np.savez(run_dir.path / CODES, **codes)  # type: ignore[arg-type]
    scores = evaluate(run_dir=run_dir.path, readouts=list(codes), **_asked(run, run_dir, scoring))
    training = {
        **measured,
        "train_seconds": sum(row["seconds"] for row in loaded.history),
        "score_seconds": time.monotonic() - begun,
    }
    return _rows(run, run_dir, scores, training)


def _score_pixels(
    run: dict[str, Any], run_dir: RunDir, scoring: Scoring
) -> tuple[list[dict[str, Any]], list[str]]:
    """As `_score`, of principal components of the pixels, whose only readout is `embedding`."""
    from deltavae.data import load
    from deltavae.scoring.baselines import pca_codes
    from deltavae.scoring.evaluate import evaluate

    begun = time.monotonic()
    data = load(run["dataset"])
    file = run_dir.path / "pixels.npz"
    run_dir.scores.unlink(missing_ok=True)  # of components that may differ by rounding
    np.savez(file, codes=pca_codes(data, np.arange(data.num_images), run["pixels"], run["seed"]))
    scores = evaluate(codes_file=file, data=data, **_asked(run, run_dir, scoring))
    return _rows(run, run_dir, scores, {"score_seconds": time.monotonic() - begun})


def _asked(run: dict[str, Any], run_dir: RunDir, scoring: Scoring) -> dict[str, Any]:
    """Arguments of `evaluate` that all runs share."""
    return {
        "metrics": scoring.asked,
        "protocol": scoring.protocol,
        "settings": scoring.settings,
        "output_dir": run_dir.path,
        "seed": scoring.seed,
        "jobs": run["cores"],
    }


def _rows(
    run: dict[str, Any], run_dir: RunDir, scores: Scores, measured: dict[str, float]
) -> tuple[list[dict[str, Any]], list[str]]:
    columns = by_readout(scores)
    shared = {
        "setting": run["setting"],
        "variant": run["variant"],
        "dataset": run["dataset"],
        "seed": run["seed"],
        "run": run_dir.path.name,
        **run["values"],
        **measured,
    }
    failed = [
        f"{metric} of {name}: {why}"
        for name, column in columns.items()
        for metric, why in column.get("failed", {}).items()
    ]
    rows = [{**shared, "readout": name, **column["scores"]} for name, column in columns.items()]
    return rows, failed
