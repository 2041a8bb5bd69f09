"""The page's tables: what was trained on what, and the scores with their words."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deltavae.manifolds import Product
from deltavae.report.run_artifacts import Material
from deltavae.report.words import Explained, explain


@dataclasses.dataclass(frozen=True)
class ScoreRow:
    """A line of the table of scores; numbers are None where there are none."""

    key: str
    value: float | None
    spread: float | None
    chance: float | None
    explained: Explained
    failed: str = ""


def facts(material: Material) -> list[tuple[str, str]]:
    """What was trained on what, label and value."""
    return [
        (label, text)
        for label, text in (*_data(material), *_model(material), *_training(material))
        if text
    ]


def score_rows(scores: Mapping[str, Any], chance: Mapping[str, float]) -> list[ScoreRow]:
    """The scores of scores.json in its order, and those that failed."""
    rows = [
        ScoreRow(key, value, scores.get("spread", {}).get(key), chance.get(key), explain(key))
        for key, value in scores.get("scores", {}).items()
    ]
    failed = scores.get("failed", {})
    rows += [ScoreRow(key, None, None, None, explain(key), why) for key, why in failed.items()]
    return rows


def versions(material: Material) -> dict[str, str]:
    """Versions of training and scoring; where they differ, of training."""
    return dict(material.scores.get("versions", {})) | dict(material.info.get("versions", {}))


def _data(material: Material) -> list[tuple[str, str]]:
    if not material.has("data"):
        return [("data set", str(material.info.get("dataset", "")))]
    data = material.data
    sizes = zip(data.factor_names, data.factor_sizes, strict=True)
    factors = ", ".join(
        f"{name} {size}{' (circle)' if name in data.periodic else ''}" for name, size in sizes
    )
    height, width, channels = data.image_shape
    kind = "grey" if channels == 1 else "colour"
    return [
        ("data set", f"{data.name}, {data.num_images:,} {kind} images of {height}×{width}"),
        ("factors", factors),
    ]


def _model(material: Material) -> list[tuple[str, str]]:
    if not material.has("model"):
        return []
    model = material.model
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


def _training(material: Material) -> list[tuple[str, str]]:
    settings = material.info.get("settings", {})
    history = material.history
    done = history[-1].get("step") if history else None
    steps = f"{done:,} steps in {len(history)} epochs" if done else ""
    seconds = sum(row.get("seconds") or 0.0 for row in history)
    minutes = f"{seconds / 60:.1f} minutes" if seconds else ""
    batch = f"batch {settings['batch_size']}" if "batch_size" in settings else ""
    rate = f"Adam at {settings['learning_rate']:g}" if "learning_rate" in settings else ""
    return [
        ("training", ", ".join(part for part in (steps, batch, rate, minutes) if part)),
        ("seed", str(settings.get("seed", ""))),
        ("readout", str(material.info.get("readout", ""))),
    ]


def _space(manifold: Any) -> str:
    """A manifold as one would write it in a configuration."""
    if type(manifold) is Product:
        return " × ".join(_space(factor) for factor in manifold.factors)
    config = ", ".join(f"{k} = {v}" for k, v in manifold.get_config().items() if k != "name")
    return f"{type(manifold).__name__}{f' ({config})' if config else ''}"
