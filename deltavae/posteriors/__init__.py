"""Posteriors: features to parameters to a law on the latent space."""

from deltavae.posteriors.base import Parameters, Posterior
from deltavae.posteriors.diffusion import DiffusionPosterior
from deltavae.posteriors.gaussian import GaussianPosterior

__all__ = ["DiffusionPosterior", "GaussianPosterior", "Parameters", "Posterior"]
