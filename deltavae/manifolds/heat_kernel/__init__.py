"""The heat kernel on the sphere: KL, density, exact sampler, tables."""
