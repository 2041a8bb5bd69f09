"""Gradient-boosted trees as scikit-learn grows them, in numba."""
