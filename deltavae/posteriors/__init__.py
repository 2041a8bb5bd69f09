"""Posteriors: features to parameters to a law on the latent space."""

from deltavae.posteriors.base import Parameters, Posterior
from deltavae.posteriors.diffusion import DiffusionPosterior
from deltavae.posteriors.gaussian import GaussianPosterior
from deltavae.posteriors.power_spherical import PowerSphericalPosterior
from deltavae.posteriors.vmf import VonMisesFisherPosterior

__all__ = [
    "DiffusionPosterior",
    "GaussianPosterior",
    "Parameters",
    "Posterior",
    "PowerSphericalPosterior",
    "VonMisesFisherPosterior",
]
