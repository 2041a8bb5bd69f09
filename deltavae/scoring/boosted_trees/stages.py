"""Growing one tree, and one stage of boosting in each of scikit-learn's two variants."""

from __future__ import annotations

import numpy as np
from numba import prange

from deltavae.scoring.boosted_trees.compiled import compiled
from deltavae.scoring.boosted_trees.kernels import (
    DEPTH,
    EPSILON,
    INTERNAL,
    NODES,
    best_split,
    divide,
    leaf_values,
    midway,
    sum_counts,
    sum_gradients,
    with_all_leaves_deepest,
)

# Shares are computed anew once a class's score may have moved this far since they last were.
FAR = 200.0


@compiled(nogil=True)
def _scratch(points):
    num_features, num_blocks = points.mixed.shape
    n = points.weight.shape[0]
    members = np.empty((NODES, n), points.orders.dtype)
    members[0] = np.arange(n)
    counts = np.empty((INTERNAL, num_features * num_blocks))
    sum_counts(members[0], points.weight, points.block_of, counts[0])
    return (
        members,
        np.empty(NODES, np.int64),
        np.empty(n, np.uint8),
        np.empty((n, 2)),
        counts,
        np.empty(num_features * num_blocks),
        np.empty(num_features * num_blocks),
        np.empty(8),
        np.empty(num_features),
        np.empty(num_features, np.int64),
    )


@compiled(nogil=True)
def grow(points, gradient, min_impurity, key, feature, threshold, gain, scratch):
    """Grows one tree, node after node.

    Args:
        points: `points.Points`.
        gradient: (n,) the negative gradient that the tree fits.
        min_impurity: nodes with at most this variance become leaves.
        key: seed that decides between features of equal gain.
        feature, threshold, gain: (15,) results; feature is -1 in leaves, gain the decrease of
            the summed squared error.
        scratch: as `_scratch` makes it, overwritten.

    Returns:
        the points in each leaf, as `divide` leaves them: members (15, n) and their number
        (15,); and the leaf that each point ends in (n,).
    """
    members, sizes, node_of, pairs, counts, gradients, positives, squares, best, place = scratch
    num_blocks = points.mixed.shape[1]
    feature[:] = -1
    gain[:] = 0.0
    node_of[:] = 0
    sizes[:] = 0
    sizes[0] = len(gradient)
    pairs[:, 0] = points.weight * gradient
    pairs[:, 1] = points.weight
    for node in range(INTERNAL):
        if sizes[node] < 1:
            continue
        here = members[node, : sizes[node]]
        sum_gradients(
            here, gradient, points.weight, points.block_of, gradients, positives, squares
        )
        total = gradients[:num_blocks].sum()
        count = counts[node, :num_blocks].sum()
        if count < 2.0:
            continue
        mean = total / count
        if squares.sum() / count - mean * mean <= min_impurity:
            continue
        spread = 2.0 * positives[:num_blocks].sum() - total
        slack = 4.0 * EPSILON * len(gradient) * count * spread
        winner, at = best_split(
            node, points, gradients, positives, counts[node], node_of, pairs, total, count,
            slack, key, best, place,
        )  # fmt: skip
        if winner < 0:
            continue
        feature[node] = winner
        gain[node] = best[winner] / count
        threshold[node] = midway(points.orders[winner], points.columns[winner], node_of, node, at)
        divide(node, members, sizes, points.columns[winner], threshold[node], node_of)
        left, right = 2 * node + 1, 2 * node + 2
        if right < INTERNAL:
            fewer, more = (left, right) if sizes[left] < sizes[right] else (right, left)
            few = members[fewer, : sizes[fewer]]
            sum_counts(few, points.weight, points.block_of, counts[fewer])
            counts[more] = counts[node] - counts[fewer]
    return members, sizes, node_of


@compiled(nogil=True, parallel=True)
def renew_shares(raw, shares):
    """shares[k, i] = exp(raw[k, i] - max over k of raw[k, i]); both (classes, n)."""
    num_classes, n = raw.shape
    block = 256
    for b in prange((n + block - 1) // block):
        low = b * block
        high = min(low + block, n)
        top = raw[0, low:high].copy()
        for k in range(1, num_classes):
            top = np.maximum(top, raw[k, low:high])
        for k in range(num_classes):
            shares[k, low:high] = np.exp(raw[k, low:high] - top)


@compiled(nogil=True, parallel=True)
def stage_current(
    points, codes, raw, shares, total, moved, learning_rate, threads, keys,
    feature, threshold, gain, value,
):  # fmt: skip
    """One stage with several classes: every class sees the scores from before the stage.

    The softmax's exponentials, `shares` (classes, n), are multiplied as the scores `raw` are
    added to; `moved` (classes,) bounds how far each class has gone that way.
    """
    num_classes, n = raw.shape
    shrink = (num_classes - 1.0) / num_classes
    for thread in prange(threads):
        low = n * thread // threads
        high = n * (thread + 1) // threads
        total[low:high] = 0.0
        for k in range(num_classes):
            total[low:high] += shares[k, low:high]
    for thread in prange(threads):
        scratch = _scratch(points)
        gradient = np.empty(n)
        factor = np.empty(NODES)
        for k in range(thread, num_classes, threads):
            for i in range(n):
                gradient[i] = np.float64(codes[i] == k) - shares[k, i] / total[i]
            members, sizes, node_of = grow(
                points, gradient, EPSILON, keys[k], feature[k], threshold[k], gain[k], scratch
            )
            leaf_values(gradient, points.weight, members, sizes, shrink, value[k])
            for node in range(NODES):
                factor[node] = np.exp(min(learning_rate * value[k, node], FAR))
            moved[k] += learning_rate * np.abs(value[k]).max()
            for i in range(n):
                raw[k, i] += learning_rate * value[k, node_of[i]]
                shares[k, i] *= factor[node_of[i]]


@compiled(nogil=True)
def stage_binary(
    points, codes, raw, gradient, learning_rate, min_impurity, key, feature, threshold, gain, value
):
    """One stage with two classes: one tree on the logistic gradient. Arrays of shape (n,)."""
    for i in range(raw.shape[0]):
        gradient[i] = codes[i] - 1.0 / (1.0 + np.exp(-raw[i]))
    members, sizes, node_of = grow(
        points, gradient, min_impurity, key, feature, threshold, gain, _scratch(points)
    )
    leaf_values(gradient, points.weight, members, sizes, 1.0, value)
    for i in range(raw.shape[0]):
        raw[i] += learning_rate * value[node_of[i]]


@compiled(nogil=True)
def _renew(i, raw, shares, total):
    top = raw[:, i].max()
    total[i] = 0.0
    for k in range(raw.shape[0]):
        shares[k, i] = np.exp(raw[k, i] - top)
        total[i] += shares[k, i]


@compiled(nogil=True)
def stage_2019(
    points, codes, raw, shares, total, gradient, learning_rate, min_impurity, keys,
    feature, threshold, gain, value,
):  # fmt: skip
    """One stage with several classes as scikit-learn 0.20.3 ran it.

    The gradient of class k is taken from scores that the classes before it in the same stage
    have already changed. The softmax's exponentials and their sum per point are kept up to
    date (`shares`, `total`) rather than computed anew for each class; a point whose sum would
    lose digits, or whose share grows large, is computed anew.
    """
    num_classes, n = raw.shape
    shrink = (num_classes - 1.0) / num_classes
    factor = np.empty(NODES)
    scratch = _scratch(points)
    total[:] = 0.0
    for k in range(num_classes):
        total += shares[k]
    for k in range(num_classes):
        for i in range(n):
            gradient[i] = np.float64(codes[i] == k) - shares[k, i] / total[i]
        members, sizes, node_of = grow(
            points, gradient, min_impurity, keys[k], feature[k], threshold[k], gain[k], scratch
        )
        leaf_values(gradient, points.weight, members, sizes, shrink, value[k])
        for node in range(NODES):
            factor[node] = np.exp(min(learning_rate * value[k, node], 50.0))
        for i in range(n):
            node = node_of[i]
            old = shares[k, i]
            new = old * factor[node]
            raw[k, i] += learning_rate * value[k, node]
            if 2.0 * old > total[i] or new > 1e3 or learning_rate * value[k, node] > 50.0:
                _renew(i, raw, shares, total)
            else:
                shares[k, i] = new
                total[i] += new - old


@compiled(nogil=True, parallel=True)
def predict_raw(x, feature, threshold, value, learning_rate, raw):
    """Adds every tree's answer to `raw`.

    Args:
        x: (m, f) float32. feature, threshold, value: (stages, classes, 15). raw: (classes, m).
    """
    for k in prange(feature.shape[1]):
        for s in range(feature.shape[0]):
            splits, bounds, steps = with_all_leaves_deepest(
                feature[s, k], threshold[s, k], value[s, k]
            )
            for i in range(x.shape[0]):
                node = 0
                for _ in range(DEPTH):
                    node = 2 * node + 1 + (x[i, splits[node]] > bounds[node])
                raw[k, i] += learning_rate * steps[node]
