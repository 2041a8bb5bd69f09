"""The chance level of the scores: what codes that carry nothing about the images get."""

import numpy as np

from deltavae.errors import UserError
from deltavae.scoring.baselines import CHANCE, chance_codes
from deltavae.scoring.challenge import BY_PROTOCOL, METRICS, run_metric
from deltavae.scoring.draws import IndexedData
from deltavae.scoring.request import without_interventions
from deltavae.training.saved_run import Run

# beyond it the boosted trees of DCI take minutes
_MAX_VALUES = 64


def chance_level(run: Run, seed: int = 0) -> dict[str, float]:
    """The challenge's scores of the run's own codes, assigned to random images.

    Those of scores.json where it has them (`--baselines`). Otherwise they are computed at the
    fast sample sizes, DCI only where no factor has more than 64 values; D_LSBD is then 1 and R²
    is 0 by definition.

    Raises:
        UserError: codes or data are missing.
    """
    scored = run.get("scores", {})
    if CHANCE in scored.get("baselines", {}):
        return dict(scored["baselines"][CHANCE]["scores"])
    if scored.get("dataset_digest") not in (None, run.data.digest):
        raise UserError(
            "the scores are of another dataset than the run",
            expected=run.data.name,
            received=scored.get("dataset"),
        )
    codes = run.codes
    if not np.isfinite(codes).all():
        raise UserError("codes are not finite")
    codes = chance_codes(codes, run.data.num_images, seed)
    index = IndexedData.of(run.data)
    levels = {"d_lsbd": 1.0} | {f"r2_{name}": 0.0 for name in run.data.periodic}
    for name in without_interventions(None, index.is_grid, run.data.name)[0]:
        if name == "dci" and max(run.data.factor_sizes) > _MAX_VALUES:
            continue
        numbers = run_metric(name, index, codes.__getitem__, settings="fast", seed=seed)
        levels[name] = numbers[METRICS[name].scores[name]]
        if name in BY_PROTOCOL:
            levels[f"{name}_2019"] = levels[name]
    return levels
