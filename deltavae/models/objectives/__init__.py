"""Objectives: what training adds to minus the log-likelihood of the images, one file each."""

from deltavae.models.objectives.annealed_vae import AnnealedVAEObjective
from deltavae.models.objectives.base import Codes, Objective
from deltavae.models.objectives.beta import BetaObjective
from deltavae.models.objectives.beta_tcvae import BetaTCVAEObjective
from deltavae.models.objectives.capacity import CapacityObjective
from deltavae.models.objectives.dip_vae import DIPVAEObjective
from deltavae.models.objectives.factor_vae import FactorVAEObjective

__all__ = [
    "AnnealedVAEObjective",
    "BetaObjective",
    "BetaTCVAEObjective",
    "CapacityObjective",
    "Codes",
    "DIPVAEObjective",
    "FactorVAEObjective",
    "Objective",
]
