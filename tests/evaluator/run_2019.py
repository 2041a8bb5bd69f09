"""Run by the evaluator's Python 3.6: codes of modules, and the scores of one of them.

run_2019.py JOB.json: {"modules": {name: [folder, images.npy]}, "scored": name, "sizes": [...],
"gin": [files], "output": folder}. Writes NAME.npy for each module, and scores.json.
"""

import importlib
import json
import os
import sys

import gin.tf
import numpy as np
import tensorflow as tf
import tensorflow_hub as hub
from grid import METRICS, Grid

assert tf.__version__ == "1.13.1"
with open(sys.argv[1]) as file:
    job = json.load(file)

for name, (module, images) in sorted(job["modules"].items()):
    images = np.load(images).astype(np.float32) / np.float32(255)
    with hub.eval_function_for_module(module) as function:
        codes = function(dict(images=images), signature="representation", as_dict=True)
    np.save(os.path.join(job["output"], name + ".npy"), codes["default"])

codes = np.load(os.path.join(job["output"], job["scored"] + ".npy"))
scores = {}
library = "disentanglement_lib.evaluation.metrics."
modules = {name: importlib.import_module(library + name) for name, _, _ in METRICS.values()}
gin.parse_config_files_and_bindings(job["gin"], [], skip_unknown=True)
for key, (module, function, number) in METRICS.items():
    np.random.seed(0)  # noqa: NPY002  scikit-learn takes the global generator
    result = getattr(modules[module], function)(
        Grid(job["sizes"]), lambda rows: codes[rows], random_state=np.random.RandomState(0)
    )
    scores[key] = float(result[number])
with open(os.path.join(job["output"], "scores.json"), "w") as file:
    json.dump(scores, file)
