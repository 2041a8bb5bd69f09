"""The representation as a module that TensorFlow 1.13 and TensorFlow 2 load."""
