"""Diffusion variational autoencoders: disentangled representations on spheres and their kin."""

__version__ = "0.1.0"
