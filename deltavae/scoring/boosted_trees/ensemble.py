"""Gradient boosting with scikit-learn's trees, presorted once: what DCI spends its time on.

`fit` grows the trees of `sklearn.ensemble.GradientBoostingClassifier()` with its default
settings: 100 stages, depth 3, learning rate 0.1, exact splits. Two variants:

current: as scikit-learn 1.x computes it.
challenge2019: as scikit-learn 0.20.3 did, on which the challenge of 2019 was scored. With three
    or more classes it had faults, fixed since: (a) within a stage, the gradient of class k is
    taken from scores that the classes before it have already changed; (b) the scores start from
    the class priors and not their logarithms; and, with two classes as well, (c) a node of
    variance at most 1e-7 becomes a leaf.

Where two features split a node with the same gain, scikit-learn takes the one that rounding
favours, or else the one that its random generator visits first; here the seed decides, evenly,
between all whose gains are equal but for rounding. On data without such ties the trees are the
same, node by node.

Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29
(2001), 1189-1232.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np

from deltavae.scoring.boosted_trees import stages
from deltavae.scoring.boosted_trees.kernels import EPSILON, NODES
from deltavae.scoring.boosted_trees.points import Points, Problem

VARIANTS = ("current", "challenge2019")
MIN_IMPURITY = {"current": EPSILON, "challenge2019": 1e-7}


@dataclass(frozen=True)
class Boosted:
    """A fitted ensemble. Trees are heaps of 15 nodes: the children of n are 2n+1 and 2n+2.

    feature: (stages, trees, 15) the feature a node splits on, -1 in a leaf.
    threshold: points with a value up to it go left.
    gain: decrease of the summed squared error by the split, 0 in a leaf.
    value: what a leaf adds to the score, before the learning rate.
    classes: the labels, ascending. With two classes there is one tree a stage, for the second.
    """

    feature: np.ndarray
    threshold: np.ndarray
    gain: np.ndarray
    value: np.ndarray
    classes: np.ndarray
    initial: np.ndarray
    learning_rate: float
    training_predictions: np.ndarray
    num_features: int

    @property
    def feature_importances(self) -> np.ndarray:
        """Share of each feature in the decrease of squared error; zeros if no tree splits."""
        split = self.feature >= 0
        total = np.bincount(self.feature[split], self.gain[split], minlength=self.num_features)
        return total / total.sum() if total.sum() > 0 else np.zeros(self.num_features)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable label of each row of `x` (m, features)."""
        raw = np.repeat(self.initial[:, None], len(x), axis=1)
        stages.predict_raw(
            np.ascontiguousarray(x, np.float32),
            self.feature,
            self.threshold,
            self.value,
            self.learning_rate,
            raw,
        )
        return self.classes[_decide(raw)]


def fit(
    problem: Problem,
    y: np.ndarray,
    *,
    variant: str = "current",
    seed: int = 0,
    num_stages: int = 100,
    learning_rate: float = 0.1,
) -> Boosted:
    """Boosts trees that predict the labels `y` from the problem's points.

    Args:
        problem: the points; y's column must have been among the labels it was made with.
        y: (n,) labels, of at least two values.
        variant: one of `VARIANTS`.
        seed: decides between splits whose gains are equal but for rounding.
        num_stages: number of stages; one tree a class and stage (one in all for two classes).
        learning_rate: factor of each tree's contribution.

    Raises:
        ValueError: y has one value only, or the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {VARIANTS}, not {variant!r}")
    classes, codes = np.unique(np.asarray(y), return_inverse=True)
    if len(classes) < 2:
        raise ValueError(f"a classifier needs two classes or more; every label is {classes[0]}")
    codes = codes[problem.first]
    weight = problem.points.weight
    prior = np.bincount(codes, weight) / weight.sum()
    trees = len(classes) if len(classes) > 2 else 1
    if trees == 1:
        initial = np.array([np.log(prior[1] / prior[0])])
    else:
        initial = np.log(prior) if variant == "current" else prior
    raw = np.repeat(initial[:, None], len(codes), axis=1)
    forest = (
        np.full((num_stages, trees, NODES), -1, np.int16),
        np.zeros((num_stages, trees, NODES)),
        np.zeros((num_stages, trees, NODES)),
        np.zeros((num_stages, trees, NODES)),
    )
    keys = np.random.default_rng(seed).integers(0, 2**63, (num_stages, trees), dtype=np.uint64)
    run_stage = _stage_runner(problem.points, codes, raw, variant, learning_rate)
    for s in range(num_stages):
        run_stage(keys[s], *(part[s] for part in forest))
    feature, threshold, gain, value = forest
    return Boosted(
        feature=feature,
        threshold=threshold,
        gain=gain,
        value=value,
        classes=classes,
        initial=initial,
        learning_rate=learning_rate,
        training_predictions=classes[_decide(raw)][problem.inverse],
        num_features=len(problem.points.orders),
    )


class Classifier:
    """`fit` with the two methods of scikit-learn's class that the downstream task calls."""

    def fit(self, x: np.ndarray, y: np.ndarray) -> Classifier:
        """Fits the current variant to points (n, features) and labels (n,)."""
        self._boosted = fit(Problem.of(x, y[:, None]), y)
        return self

    def predict(self, x: np.ndarray) -> np.ndarray:
        """The most probable label of each row."""
        return self._boosted.predict(x)


def _decide(raw: np.ndarray) -> np.ndarray:
    """Index of the class with the highest score; raw is (trees, m)."""
    return (raw[0] >= 0).astype(int) if len(raw) == 1 else np.argmax(raw, axis=0)


def _stage_runner(
    points: Points, codes: np.ndarray, raw: np.ndarray, variant: str, learning_rate: float
) -> Callable[..., None]:
    """Allocates what the stages of one fit share; returns (keys, *forest parts) -> None."""
    least = MIN_IMPURITY[variant]
    shares, total, gradient = np.empty_like(raw), np.empty(raw.shape[1]), np.empty(raw.shape[1])
    moved = np.full(len(raw), np.inf)

    def binary(keys: np.ndarray, *forest: np.ndarray) -> None:
        tree = [part[0] for part in forest]
        stages.stage_binary(points, codes, raw[0], gradient, learning_rate, least, keys[0], *tree)

    def current(keys: np.ndarray, *forest: np.ndarray) -> None:
        if moved.max() > stages.FAR:
            stages.renew_shares(raw, shares)
            moved[:] = 0.0
        stages.stage_current(
            points, codes, raw, shares, total, moved, learning_rate, numba.get_num_threads(),
            keys, *forest,
        )  # fmt: skip

    def sequential(keys: np.ndarray, *forest: np.ndarray) -> None:
        stages.stage_2019(
            points, codes, raw, shares, total, gradient, learning_rate, least, keys, *forest
        )

    if len(raw) == 1:
        return binary
    if variant == "current":
        return current
    stages.renew_shares(raw, shares)
    return sequential
