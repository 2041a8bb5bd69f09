"""A grid of images for the metrics of either stack; read by Python 3.6 as well."""

import numpy as np

METRICS = {
    "factor_vae_metric": ("factor_vae", "compute_factor_vae", "eval_accuracy"),
    "dci": ("dci", "compute_dci", "disentanglement"),
    "mig": ("mig", "compute_mig", "discrete_mig"),
    "sap_score": ("sap_score", "compute_sap", "SAP_score"),
    "irs": ("irs", "compute_irs", "IRS"),
}


class Grid:
    """Every combination of factors has one image; an observation is that image's number."""

    def __init__(self, sizes):
        self.factors_num_values = list(sizes)
        self.num_factors = len(sizes)
        self.observation_shape = []

    def sample_factors(self, num, random_state):
        columns = [random_state.randint(size, size=num) for size in self.factors_num_values]
        return np.stack(columns, axis=1)

    def sample_observations_from_factors(self, factors, random_state):
        return np.ravel_multi_index(tuple(factors.T), tuple(self.factors_num_values))

    def sample(self, num, random_state):
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num, random_state):
        return self.sample(num, random_state)[1]
