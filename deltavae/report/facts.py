"""The tables of a run's page: what was trained, and its scores."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deltavae.manifolds import Product
from deltavae.scoring.baselines import PCA_OF_PIXELS
from deltavae.scoring.score_specs import ScoreSpec, described
from deltavae.training.saved_run import Run


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """A row of the table of scores; a number is None where there is none."""

    key: str
    value: float | None
    std: float | None
    pca: float | None
    chance: float | None
    spec: ScoreSpec
    failed: str = ""


def facts(run: Run) -> list[tuple[str, str]]:
    """Data set, latent space, objective, training and seed, label and value."""
    return [(label, text) for label, text in (*_data(run), *_model(run), *_training(run)) if text]


def score_rows(scores: Mapping[str, Any], chance: Mapping[str, float]) -> list[ScoreRow]:
    """The scores of scores.json in its order, then the metrics that failed."""
    std = scores.get("spread", {})
    pca = scores.get("baselines", {}).get(PCA_OF_PIXELS, {}).get("scores", {})
    rows = [
        ScoreRow(key, value, std.get(key), pca.get(key), chance.get(key), described(key))
        for key, value in scores.get("scores", {}).items()
    ]
    failed = scores.get("failed", {})
    rows += [
        ScoreRow(key, None, None, None, None, described(key), why) for key, why in failed.items()
    ]
    return rows


def versions(run: Run) -> dict[str, str]:
    """Versions of training and scoring; where they differ, of training."""
    return dict(run.get("scores", {}).get("versions", {})) | dict(
        run.get("info", {}).get("versions", {})
    )


def _data(run: Run) -> list[tuple[str, str]]:
    if not run.has("data"):
        return [("data set", str(run.get("info", {}).get("dataset", "")))]
    data = run.data
    sizes = zip(data.factor_names, data.factor_sizes, strict=True)
    factors = ", ".join(
        f"{name} {size}{' (periodic)' if name in data.periodic else ''}" for name, size in sizes
    )
    height, width, channels = data.image_shape
    kind = "grey" if channels == 1 else "colour"
    return [
        ("data set", f"{data.name}, {data.num_images:,} {kind} images of {height}×{width}"),
        ("factors", factors),
    ]


def _model(run: Run) -> list[tuple[str, str]]:
    if not run.has("model"):
        return []
    model = run.model
    manifold = model.posterior.manifold
    details = _space(manifold)
    posterior = model.posterior.get_config()
    modes = ", ".join(
        f"{label} {posterior[key]}"
        for key, label in (("mode", "samples"), ("kl", "KL"))
        if key in posterior
    )
    objective = model.objective.get_config()
    weights = ", ".join(f"{k} = {v}" for k, v in objective.items() if k != "name")
    return [
        ("latent space", details),
        ("posterior", f"{type(model.posterior).__name__}{f', {modes}' if modes else ''}"),
        ("objective", f"{type(model.objective).__name__}{f' ({weights})' if weights else ''}"),
        ("likelihood", model.likelihood.name),
        ("weights", f"{model.count_params():,}"),
    ]


def _training(run: Run) -> list[tuple[str, str]]:
    info = run.get("info", {})
    settings, history = info.get("settings", {}), run.get("history", [])
    done = history[-1].get("step") if history else None
    steps = f"{done:,} steps in {len(history)} epochs" if done else ""
    seconds = sum(row.get("seconds") or 0.0 for row in history)
    minutes = f"{seconds / 60:.1f} minutes" if seconds else ""
    batch = f"batch {settings['batch_size']}" if "batch_size" in settings else ""
    rate = f"Adam at {settings['learning_rate']:g}" if "learning_rate" in settings else ""
    return [
        ("training", ", ".join(part for part in (steps, batch, rate, minutes) if part)),
        ("seed", str(settings.get("seed", ""))),
        ("readout", str(info.get("readout", ""))),
    ]


def _space(manifold: Any) -> str:
    """A manifold as one would write it in a configuration."""
    if type(manifold) is Product:
        return " × ".join(_space(factor) for factor in manifold.factors)
    config = ", ".join(f"{k} = {v}" for k, v in manifold.get_config().items() if k != "name")
    return f"{type(manifold).__name__}{f' ({config})' if config else ''}"
