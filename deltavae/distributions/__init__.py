"""Distributions on the latent spaces, as TFP distributions, with KLs registered by pair."""

from deltavae.distributions.diffusion import Diffusion
from deltavae.distributions.power_spherical import PowerSpherical
from deltavae.distributions.uniform import Uniform
from deltavae.distributions.von_mises_fisher import VonMisesFisher

__all__ = ["Diffusion", "PowerSpherical", "Uniform", "VonMisesFisher"]
