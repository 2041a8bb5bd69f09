"""Run by the evaluator's Python 3.6: the five scores of a file of codes, by its own library.

usage: scores_2019.py codes.npz settings.gin; the file holds `codes`, in the order of the grid of
`sizes`, and `bindings`. Prints one JSON object.
"""

import json
import sys

import gin.tf
import numpy as np
from disentanglement_lib.evaluation.metrics import dci, factor_vae, irs, mig, sap_score


class Indexed:
    """A grid whose images are their own numbers."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.num_factors = len(sizes)

    def sample_factors(self, num, random_state):
        columns = [random_state.randint(size, size=num) for size in self.sizes]
        return np.stack(columns, 1).astype(np.int64)

    def sample_observations_from_factors(self, factors, random_state):
        return np.ravel_multi_index(tuple(factors.T), tuple(self.sizes))

    def sample(self, num, random_state):
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num, random_state):
        return self.sample(num, random_state)[1]


entry = np.load(sys.argv[1])
codes, data = entry["codes"], Indexed([int(n) for n in entry["sizes"]])
gin.parse_config(open(sys.argv[2]).read())
np.random.seed(0)  # noqa: NPY002
scores = {}
for name, function, key in [
    ("factor_vae_metric", factor_vae.compute_factor_vae, "eval_accuracy"),
    ("dci", dci.compute_dci, "disentanglement"),
    ("mig", mig.compute_mig, "discrete_mig"),
    ("sap_score", sap_score.compute_sap, "SAP_score"),
    ("irs", irs.compute_irs, "IRS"),
]:
    result = function(data, lambda i: codes[i], random_state=np.random.RandomState(0))
    scores[name] = float(result[key])
sys.stdout.write(json.dumps(scores) + "\n")
