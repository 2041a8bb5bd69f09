"""DCI's trees against scikit-learn's, and the old variant against its faults written out."""

import numba
import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeRegressor

from deltavae.scoring.boosted_trees import ensemble as boosting


def problem(seed, num_points, num_features, num_classes, noise):
    rs = np.random.RandomState(seed)
    x = rs.randn(2 * num_points, num_features).astype(np.float32)
    scores = x @ rs.randn(num_features, num_classes)
    y = np.argmax(scores + noise * rs.randn(*scores.shape), axis=1)
    return x[:num_points], y[:num_points], x[num_points:], y[num_points:]


def drawn_with_replacement(num_classes, num_points=3000):
    """Few images drawn often, many classes: ties and repeated rows, as DCI has them."""
    rs = np.random.RandomState(7)
    labels = np.arange(2000) % num_classes
    x = rs.randn(num_classes, 5)[labels] + rs.randn(2000, 5)
    train, test = rs.randint(2000, size=(2, num_points))
    x = x.astype(np.float32)
    return x[train], labels[train], x[test], labels[test]


def fit(x, y, **options):
    return boosting.fit(boosting.Problem.of(x, y[:, None]), y, **options)


def same_tree(sklearn_tree, fitted, stage, k):
    pairs = [(0, 0)]
    while pairs:
        theirs, ours = pairs.pop()
        feature = fitted.feature[stage, k, ours] if ours < 7 else -1
        if sklearn_tree.children_left[theirs] < 0:
            value = sklearn_tree.value[theirs, 0, 0]
            assert feature < 0
            assert fitted.value[stage, k, ours] == pytest.approx(value, rel=1e-6, abs=1e-9)
            continue
        assert feature == sklearn_tree.feature[theirs]
        assert fitted.threshold[stage, k, ours] == sklearn_tree.threshold[theirs]
        pairs.append((sklearn_tree.children_left[theirs], 2 * ours + 1))
        pairs.append((sklearn_tree.children_right[theirs], 2 * ours + 2))


# Seeds and sizes whose gains don't tie in ten stages: scikit-learn's seed changes no tree.
UNTIED = [(1, 2000, 2, 2, 3), (0, 3000, 10, 3, 4), (0, 4000, 6, 5, 3)]


@pytest.mark.parametrize("size", UNTIED)
def test_same_trees_where_no_gains_tie(size):
    x, y, held_out, _ = problem(*size)
    theirs = GradientBoostingClassifier(n_estimators=10).fit(x, y)
    ours = fit(x, y, num_stages=10)
    for stage, trees in enumerate(theirs.estimators_):
        for k, tree in enumerate(trees):
            same_tree(tree.tree_, ours, stage, k)
    np.testing.assert_allclose(ours.feature_importances, theirs.feature_importances_, atol=1e-12)
    np.testing.assert_array_equal(ours.training_predictions, theirs.predict(x))
    np.testing.assert_array_equal(ours.predict(held_out), theirs.predict(held_out))


@pytest.mark.parametrize("size", [(8, 2000), (20, 1500)])
def test_with_ties_within_the_spread_of_scikit_learn_itself(size):
    x, y, held_out, truth = drawn_with_replacement(*size)
    fits = [
        GradientBoostingClassifier(n_estimators=20, random_state=s).fit(x, y) for s in range(5)
    ]
    ours = [fit(x, y, num_stages=20, seed=s) for s in range(5)]
    theirs = np.stack([f.feature_importances_ for f in fits])
    spread = np.abs(theirs[:, None] - theirs[None]).max()
    apart = [np.abs(o.feature_importances - theirs).max() for o in ours]
    assert np.median(apart) <= 1.5 * spread  # a single seed of scikit-learn's own reaches 1.3
    ours = ours[0]
    accuracies = np.array([np.mean(f.predict(held_out) == truth) for f in fits])
    ours_accuracy = np.mean(ours.predict(held_out) == truth)
    allowed = 1.5 * np.ptp(accuracies) + 2 / len(truth)  # two points where all seeds agree
    assert np.abs(ours_accuracy - accuracies).max() <= allowed
    predicted = np.stack([f.predict(x) for f in fits])
    settled = (predicted == predicted[0]).all(axis=0)  # points that no tie of theirs moves
    assert settled.mean() > 0.95
    assert np.mean(ours.training_predictions[settled] == predicted[0, settled]) >= 0.999


def codes_of_every_kind(rs):
    """Continuous, discrete, constant and nearly equal values; few rows, drawn often."""
    near = rs.randint(8, size=400)
    paired = np.repeat(0.1 * rs.randn(200), 2) + np.tile([0, 5e-8], 200)
    rows = np.c_[
        rs.randn(400, 2),
        rs.randint(5, size=400),
        paired,
        np.ones(400),
        0.5 + 3e-8 * near,
        np.where(rs.rand(400) < 0.9, 0.0, rs.randn(400)),
    ].astype(np.float32)
    drawn = rs.randint(400, size=3000)
    signal = np.c_[rows[:, :3], near / 2, 20 * paired] @ rs.randn(5, 6)
    y = np.argmax(signal + 0.7 * rs.randn(400, 6), axis=1)
    return rows[drawn], y[drawn]


def best_gain(x, gradient):
    """Greatest decrease of the squared error by one threshold, every one tried."""
    best = 0.0
    for column in x.T:
        order = np.argsort(column, kind="stable")
        value, g = column[order], gradient[order]
        for at in 1 + np.flatnonzero(np.diff(value) > np.float32(1e-7)):
            parts = (g[:at], g[at:])
            best = max(best, g.var() * len(g) - sum(part.var() * len(part) for part in parts))
    return best


@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_splits_a_node_better(seed):
    x, y = codes_of_every_kind(np.random.RandomState(seed))
    ours = fit(x, y, num_stages=3)
    raw = np.repeat(ours.initial[:, None], len(x), axis=1)
    splits = 0
    for stage in range(3):
        p = np.exp(raw) / np.exp(raw).sum(axis=0)
        for k in range(len(raw)):
            gradient = (y == ours.classes[k]) - p[k]
            node_of = np.zeros(len(x), int)
            for node in range(7):
                here = np.flatnonzero(node_of == node)
                feature, threshold = ours.feature[stage, k, node], ours.threshold[stage, k, node]
                best = best_gain(x[here], gradient[here]) if len(here) else 0.0
                if feature < 0:
                    assert best < 1e-9
                    continue
                assert ours.gain[stage, k, node] == pytest.approx(best, rel=1e-6, abs=1e-9)
                node_of[here] = 2 * node + 1 + (x[here, feature] > threshold)
                splits += 1
            raw[k] += 0.1 * ours.value[stage, k][node_of]
    assert splits > 50
    np.testing.assert_array_equal(ours.training_predictions, ours.classes[raw.argmax(axis=0)])


class Old:
    """scikit-learn 0.20.3's multiclass boosting: the three faults, and nothing else, by hand."""

    def __init__(self, x, y, num_stages):
        self.num_classes = y.max() + 1
        prior = np.bincount(y) / len(y)
        self.raw = np.repeat(prior[None], len(y), axis=0)  # (b) not their logarithms
        self.importances = np.zeros(x.shape[1])
        for _ in range(num_stages):
            for k in range(self.num_classes):
                shifted = self.raw - self.raw.max(axis=1, keepdims=True)
                p = np.exp(shifted[:, k]) / np.exp(shifted).sum(axis=1)  # (a) already updated
                self.grow(x, (y == k) - p, (y == k).astype(float), k)

    def grow(self, x, residual, is_class, k):
        tree = DecisionTreeRegressor(max_depth=3).fit(x, residual).tree_
        path = np.zeros(len(x), int)
        for _ in range(3):
            stop = (tree.impurity[path] <= 1e-7) | (tree.children_left[path] < 0)  # (c)
            right = x[np.arange(len(x)), np.maximum(tree.feature[path], 0)] > tree.threshold[path]
            child = np.where(right, tree.children_right[path], tree.children_left[path])
            for node in np.unique(path[~stop]):
                left, other = tree.children_left[node], tree.children_right[node]
                weight, impurity = tree.weighted_n_node_samples, tree.impurity
                self.importances[tree.feature[node]] += weight[node] * impurity[node] - (
                    weight[left] * impurity[left] + weight[other] * impurity[other]
                )
            path = np.where(stop, path, child)
        for leaf in np.unique(path):
            here = path == leaf
            p = is_class[here] - residual[here]
            step = residual[here].sum() * (self.num_classes - 1) / self.num_classes
            self.raw[here, k] += 0.1 * step / np.sum(p * (1 - p))


@pytest.mark.parametrize("size", UNTIED[1:])
def test_the_old_variant_has_the_three_faults(size):
    x, y, _, _ = problem(*size)
    old = Old(x, y, 10)
    ours = fit(x, y, variant="challenge2019", num_stages=10)
    np.testing.assert_allclose(
        ours.feature_importances, old.importances / old.importances.sum(), atol=1e-9
    )
    np.testing.assert_array_equal(ours.training_predictions, old.raw.argmax(axis=1))
    current = fit(x, y, num_stages=10)
    assert np.abs(current.feature_importances - ours.feature_importances).max() > 1e-4


@pytest.mark.parametrize("variant", boosting.VARIANTS)
def test_survives_scores_that_run_away(variant):
    # separable classes: probabilities reach 0 and 1, and what is kept up to date is renewed
    x, y, _, _ = drawn_with_replacement(30)
    ours = fit(np.c_[x, y + 0.0], y, variant=variant)
    assert np.isfinite(ours.value).all() and np.mean(ours.training_predictions == y) > 0.999


@pytest.mark.parametrize("variant", boosting.VARIANTS)
def test_same_bits_with_any_number_of_threads(variant):
    x, y, _, _ = drawn_with_replacement(12)
    before, fits = numba.get_num_threads(), []
    try:
        for threads in (1, min(2, before)):
            numba.set_num_threads(threads)
            fits.append(fit(x, y, variant=variant, num_stages=5))
    finally:
        numba.set_num_threads(before)
    np.testing.assert_array_equal(fits[0].value, fits[1].value)
    np.testing.assert_array_equal(fits[0].feature, fits[1].feature)


def test_a_constant_code_gives_stumps_without_importance():
    x = np.ones((50, 2), np.float32)
    ours = fit(x, np.arange(50) % 3, num_stages=2)
    np.testing.assert_array_equal(ours.feature_importances, 0)
    assert (ours.feature == -1).all()


def test_what_cannot_be_fitted():
    x = np.ones((4, 1), np.float32)
    with pytest.raises(ValueError, match="two classes"):
        fit(x, np.zeros(4, int))
    with pytest.raises(ValueError, match="finite"):
        boosting.Problem.of(x * np.nan, np.zeros((4, 1)))
    with pytest.raises(ValueError, match="variant"):
        fit(x, np.arange(4), variant="2018")
