"""Scores of a representation: disentanglement_lib's metrics on codes made once, and probes."""
