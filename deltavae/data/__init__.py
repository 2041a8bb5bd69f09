"""Datasets with known factors: public ones from their files, synthetic ones, the user's own.

Nothing here needs TensorFlow but `deltavae.data.pipeline`, which is imported by its full name.
"""

from deltavae.data.dataset import ArrayData, Factor, GroundTruthData
from deltavae.data.registry import load, names

__all__ = ["ArrayData", "Factor", "GroundTruthData", "load", "names"]
