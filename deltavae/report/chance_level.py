"""What the scores read when codes know nothing of the images: a measured zero."""

import numpy as np

from deltavae.errors import UserError
from deltavae.report.run_artifacts import Material
from deltavae.scoring.challenge import BY_PROTOCOL, CHALLENGE, METRICS, run_metric
from deltavae.scoring.draws import IndexedData

# beyond it the boosted trees of DCI take minutes
_MOST_VALUES = 64


def by_chance(material: Material, seed: int = 0) -> dict[str, float]:
    """The challenge's scores of the run's own codes, dealt to the images at random.

    At the fast settings, whatever those of scores.json; DCI is left out where a factor has so
    many values that it would take minutes.

    Raises:
        UserError: codes or data are missing.
    """
    codes = material.codes
    if not np.isfinite(codes).all():
        raise UserError("codes are not finite")
    dealt = np.random.RandomState(seed).randint(len(codes), size=material.data.num_images)
    index = IndexedData.of(material.data)
    found = {"d_lsbd": 1.0} | {f"r2_{name}": 0.0 for name in material.data.periodic}
    for name in CHALLENGE:
        if name == "dci" and max(material.data.factor_sizes) > _MOST_VALUES:
            continue
        numbers = run_metric(name, index, lambda i: codes[dealt[i]], settings="fast", seed=seed)
        found[name] = numbers[METRICS[name].scores[name]]
        if name in BY_PROTOCOL:
            found[f"{name}_2019"] = found[name]
    return found
