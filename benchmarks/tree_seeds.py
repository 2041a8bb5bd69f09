"""How well DCI's trees repeat: scikit-learn's seeds beside ours, on the same training points.

    python benchmarks/tree_seeds.py --shape cars3d --seeds 5

Draws DCI's 10,000 training points of a shape of `scoring.py`, encoded by its random module, and
fits the factor of most values with each seed, on one core: 100 stages, a tree for each value.
The seed decides nothing but ties, and the ties the rest: with many values a leaf can hold one
point of a class whose probability is nearly 0, its Newton step is huge, and points that it
carries off stay where they are. On Cars3D's sizes a fit of scikit-learn's takes eight minutes.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numba
import numpy as np
from scoring import SHAPES, Patterns, write_module
from sklearn.ensemble import GradientBoostingClassifier

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from deltavae.export.representation import load_representation
from deltavae.scoring.boosted_trees import ensemble as boosting

NUM_TRAIN = 10_000


def points(shape: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 10) of DCI's training draw and the values of the factor with the most."""
    data = Patterns(shape)
    indices = np.random.default_rng(0).integers(data.num_images, size=NUM_TRAIN)
    with tempfile.TemporaryDirectory() as folder:
        write_module(Path(folder), data.image_shape[-1])
        encode = load_representation(Path(folder))
        batches = np.array_split(indices, 50)
        codes = [encode(data.images(b).astype(np.float32) / np.float32(255)) for b in batches]
    return np.concatenate(codes), data.factors(indices)[:, np.argmax(data.grid_sizes)]


def scikit_learn(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Importances and training predictions."""
    fitted = GradientBoostingClassifier(random_state=seed).fit(x, y)
    return fitted.feature_importances_, fitted.predict(x)


def ours(x: np.ndarray, y: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Importances and training predictions."""
    fitted = boosting.fit(boosting.Problem.of(x, y[:, None]), y, seed=seed)
    return fitted.feature_importances, fitted.training_predictions


def main() -> None:
    """Prints a line a fit, and how far the fits of each side and of both lie apart."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, default="cars3d", help="sizes of the factors")
    parser.add_argument("--seeds", type=int, default=5, help="fits of each side")
    options = parser.parse_args()
    numba.set_num_threads(1)
    x, y = points(options.shape)
    print(f"{options.shape}: {len(np.unique(y))} values, {len(np.unique(x, axis=0))} images drawn")
    found: dict[str, np.ndarray] = {}
    for side in (ours, scikit_learn):
        rows = []
        for seed in range(options.seeds):
            started = time.perf_counter()
            importances, predicted = side(x, y, seed)
            rows.append(importances)
            print(
                f"{side.__name__:12} seed {seed}: {time.perf_counter() - started:6.1f} s, "
                f"accuracy {np.mean(predicted == y):.4f}, importances {np.round(importances, 3)}",
                flush=True,
            )
        found[side.__name__] = np.stack(rows)
    for name, rows in found.items():
        spread = np.abs(rows[:, None] - rows[None]).max()
        print(f"{name:12} importances of two seeds differ by up to {spread:.4f}")
    between = np.abs(found["ours"][:, None] - found["scikit_learn"][None]).max(axis=(1, 2))
    print(f"ours from scikit-learn's, seed by seed: {np.round(between, 4)}")


if __name__ == "__main__":
    main()
