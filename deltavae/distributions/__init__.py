"""Laws on manifolds, as TFP distributions, with their KL divergences registered by pair."""

from deltavae.distributions.diffusion import Diffusion
from deltavae.distributions.uniform import Uniform

__all__ = ["Diffusion", "Uniform"]
