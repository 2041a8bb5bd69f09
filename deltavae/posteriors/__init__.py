"""Posteriors: features to parameters to a distribution on the latent space."""

from deltavae.posteriors.base import Parameters, Posterior
from deltavae.posteriors.diffusion import DiffusionPosterior
from deltavae.posteriors.gaussian import GaussianPosterior
from deltavae.posteriors.power_spherical import PowerSphericalPosterior
from deltavae.posteriors.product import ProductPosterior
from deltavae.posteriors.sampling import DiffusionSampling
from deltavae.posteriors.von_mises_fisher import VonMisesFisherPosterior

__all__ = [
    "DiffusionPosterior",
    "DiffusionSampling",
    "GaussianPosterior",
    "Parameters",
    "Posterior",
    "PowerSphericalPosterior",
    "ProductPosterior",
    "VonMisesFisherPosterior",
]
