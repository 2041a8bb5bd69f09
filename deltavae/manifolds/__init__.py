"""Latent spaces: what a point is, how to move on it, and how heat spreads there."""

from deltavae.manifolds.base import Manifold
from deltavae.manifolds.euclidean import Euclidean
from deltavae.manifolds.hypersphere import Hypersphere

__all__ = ["Euclidean", "Hypersphere", "Manifold"]
