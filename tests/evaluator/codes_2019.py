"""Codes of an exported module in TensorFlow 1.13.1: `codes_2019.py MODULE IMAGES.npy OUT.npy`."""

import sys

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub

assert tf.__version__ == "1.13.1"
images = np.load(sys.argv[2]).astype(np.float32) / np.float32(255)
with hub.eval_function_for_module(sys.argv[1]) as function:
    codes = function(dict(images=images), signature="representation", as_dict=True)
np.save(sys.argv[3], codes["default"])
