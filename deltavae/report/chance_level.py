"""The chance level of the scores: what codes that carry nothing about the images get."""

import itertools

import numpy as np

from deltavae.errors import UserError
from deltavae.report.section import reason
from deltavae.scoring.baselines import CHANCE, chance_codes
from deltavae.scoring.challenge import METRICS, PROTOCOLS, run_metric
from deltavae.scoring.codes import constant_as_zero
from deltavae.scoring.draws import IndexedData
from deltavae.scoring.request import without_interventions
from deltavae.scoring.results import score_key
from deltavae.training.saved_run import Run

# beyond it the boosted trees of DCI take minutes
_MAX_VALUES = 64


def chance_level(run: Run, seed: int = 0) -> tuple[dict[str, float], dict[str, str]]:
    """The challenge's scores of the run's own codes, assigned to random images.

    Those of scores.json where it has them (`--baselines`). Otherwise those that the run has are
    computed under the same protocol at the fast sample sizes, DCI only where no factor has more
    than 64 values; D_LSBD is then 1 and R² is 0 by definition.

    Returns:
        The chance levels by score, and by score why there is none.

    Raises:
        UserError: codes or data are missing.
    """
    scored = run.get("scores", {})
    if CHANCE in scored.get("baselines", {}):
        return dict(scored["baselines"][CHANCE]["scores"]), {}
    if scored.get("dataset_digest") not in (None, run.data.digest):
        raise UserError(
            "the scores are of another dataset than the run",
            expected=run.data.name,
            received=scored.get("dataset"),
        )
    codes = run.codes
    if not np.isfinite(codes).all():
        raise UserError("codes are not finite")
    codes = chance_codes(constant_as_zero(codes), run.data.num_images, seed)
    index = IndexedData.of(run.data)
    levels = {"d_lsbd": 1.0} | {f"r2_{name}": 0.0 for name in run.data.periodic}
    failed: dict[str, str] = {}
    asked = scored.get("protocol", "current")
    for name, protocol in itertools.product(
        without_interventions(None, index.is_grid, run.data.name)[0],
        PROTOCOLS if asked == "both" else [asked],
    ):
        key = score_key(name, protocol, asked)
        slow = name == "dci" and max(run.data.factor_sizes) > _MAX_VALUES
        if slow or key in levels | failed or key not in scored.get("scores", {}):
            continue
        try:
            numbers = run_metric(
                name, index, codes.__getitem__, settings="fast", protocol=protocol, seed=seed
            )
            levels[key] = numbers[METRICS[name].scores[name]]
        except Exception as error:  # the others are shown all the same
            failed[key] = reason(f"the chance level of {key}", error)
    return levels, failed
