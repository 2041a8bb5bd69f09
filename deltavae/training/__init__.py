"""From a model and a data set to a run folder: the loop, checkpoints, settings."""
