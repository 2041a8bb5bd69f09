"""Latent spaces: what a point is, how to move on it, and how heat spreads there."""

from deltavae.manifolds.base import Manifold
from deltavae.manifolds.embedded_torus import EmbeddedTorus
from deltavae.manifolds.euclidean import Euclidean
from deltavae.manifolds.hypersphere import Hypersphere
from deltavae.manifolds.interval import Interval
from deltavae.manifolds.product import FlatTorus, Product
from deltavae.manifolds.projective import SO3, RealProjective

__all__ = [
    "SO3",
    "EmbeddedTorus",
    "Euclidean",
    "FlatTorus",
    "Hypersphere",
    "Interval",
    "Manifold",
    "Product",
    "RealProjective",
]
