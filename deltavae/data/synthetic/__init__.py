"""Synthetic datasets: drawn, not downloaded. A module here that holds one registers it."""
