"""Image sets that are drawn, not downloaded. None of this needs TensorFlow."""
