"""Laws on the latent spaces, as TensorFlow Probability distributions."""

from deltavae.distributions.diffusion import Diffusion
from deltavae.distributions.uniform import Uniform

__all__ = ["Diffusion", "Uniform"]
