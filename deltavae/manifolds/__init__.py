"""Latent spaces: manifolds with their Brownian motion."""

from deltavae.manifolds.base import Manifold
from deltavae.manifolds.euclidean import Euclidean
from deltavae.manifolds.hypersphere import Hypersphere

__all__ = ["Euclidean", "Hypersphere", "Manifold"]
