"""Growing one tree, and one stage of boosting in each of scikit-learn's two variants."""

from __future__ import annotations

import numpy as np
from numba import prange

from deltavae.metrics.boosting_kernels import (
    DEPTH,
    EPSILON,
    INTERNAL,
    NODES,
    choose_split,
    divide,
    leaf_values,
    may_split,
    scan,
    send_down,
    sum_nodes,
)
from deltavae.metrics.compiled import compiled


@compiled(nogil=True)
def _spare(orders):
    num_features, n = orders.shape
    return np.empty((DEPTH - 1, num_features, n), orders.dtype), np.empty((n, 2))


@compiled(nogil=True)
def grow(
    orders, columns, weight, gradient, min_impurity, key, feature, threshold, gain, spare, pairs
):
    """Grows one tree, level after level; returns the node that each point ends in.

    Args:
        orders: (f, n) the points in ascending order of each feature.
        columns: (f, n) float32, the features in the order of the points.
        weight: (n,) multiplicities in the order of the points.
        gradient: (n,) the negative gradient that the tree fits.
        min_impurity: nodes with at most this variance become leaves.
        key: seed that decides between features of equal gain.
        feature, threshold, gain: (15,) results; feature is -1 in leaves, gain the decrease of
            the summed squared error.
        spare, pairs: as `_spare` makes them, overwritten.
    """
    num_features, n = orders.shape
    best = np.empty(num_features)
    place = np.empty(num_features, np.int64)
    node_of = np.empty(n, np.uint8)
    goes_left = np.empty(n, np.uint8)
    sums = np.zeros(NODES)
    squares = np.zeros(NODES)
    counts = np.zeros(NODES)
    begin = np.zeros(NODES, np.int64)
    end = np.zeros(NODES, np.int64)
    feature[:] = -1
    gain[:] = 0.0
    pairs[:, 0] = weight * gradient
    pairs[:, 1] = weight
    node_of[:] = 0
    end[0] = n
    for depth in range(DEPTH):
        sum_nodes(pairs, gradient, node_of, sums, squares, counts)
        for node in range((1 << depth) - 1, (2 << depth) - 1):
            if not may_split(node, sums, squares, counts, min_impurity):
                continue
            for f in range(num_features):
                best[f], place[f] = scan(
                    orders[f], columns[f], pairs, begin[node], end[node], sums[node], counts[node]
                )
            choose_split(
                node, orders, columns, best, place, counts[node], key, feature, threshold, gain
            )
            winner = feature[node]
            if winner < 0:
                continue
            middle = place[winner]
            send_down(node, orders[winner], middle, node_of, goes_left, begin, end)
            if depth < DEPTH - 1:
                for f in range(num_features):
                    divide(orders[f], goes_left, begin[node], middle, end[node], spare[depth, f])
        if depth < DEPTH - 1:
            orders = spare[depth]
    return node_of


@compiled(nogil=True)
def _apply(node_of, value, learning_rate, raw):
    for i in range(node_of.shape[0]):
        raw[i] += learning_rate * value[node_of[i]]


@compiled(nogil=True, parallel=True)
def softmax_gradients(raw, is_class, gradient):
    """gradient[k, i] = is_class[k, i] - softmax(raw[:, i])[k]; all arrays (classes, n)."""
    num_classes, n = raw.shape
    block = 256
    for b in prange((n + block - 1) // block):
        low = b * block
        high = min(low + block, n)
        top = raw[0, low:high].copy()
        for k in range(1, num_classes):
            for i in range(low, high):
                if raw[k, i] > top[i - low]:
                    top[i - low] = raw[k, i]
        total = np.zeros(high - low)
        for k in range(num_classes):
            for i in range(low, high):
                e = np.exp(raw[k, i] - top[i - low])
                gradient[k, i] = e
                total[i - low] += e
        for k in range(num_classes):
            for i in range(low, high):
                gradient[k, i] = is_class[k, i] - gradient[k, i] / total[i - low]


@compiled(nogil=True, parallel=True)
def stage_current(
    orders, columns, weight, is_class, raw, gradient, learning_rate, threads, keys,
    feature, threshold, gain, value,
):  # fmt: skip
    """One stage with several classes: every class sees the scores from before the stage."""
    num_classes = raw.shape[0]
    shrink = (num_classes - 1.0) / num_classes
    for thread in prange(threads):
        spare, pairs = _spare(orders)
        for k in range(thread, num_classes, threads):
            node_of = grow(
                orders, columns, weight, gradient[k], EPSILON, keys[k], feature[k], threshold[k],
                gain[k], spare, pairs,
            )  # fmt: skip
            leaf_values(gradient[k], weight, is_class[k], node_of, shrink, value[k])
            _apply(node_of, value[k], learning_rate, raw[k])


@compiled(nogil=True)
def stage_binary(
    orders, columns, weight, is_class, raw, gradient, learning_rate,
    min_impurity, key, feature, threshold, gain, value,
):  # fmt: skip
    """One stage with two classes: one tree on the logistic gradient. Arrays of shape (n,)."""
    for i in range(raw.shape[0]):
        gradient[i] = is_class[i] - 1.0 / (1.0 + np.exp(-raw[i]))
    spare, pairs = _spare(orders)
    node_of = grow(
        orders, columns, weight, gradient, min_impurity, key, feature, threshold, gain, spare,
        pairs,
    )  # fmt: skip
    leaf_values(gradient, weight, is_class, node_of, 1.0, value)
    _apply(node_of, value, learning_rate, raw)


@compiled(nogil=True)
def _refresh(i, raw, top, shares, total):
    top[i] = raw[0, i]
    for k in range(1, raw.shape[0]):
        top[i] = max(top[i], raw[k, i])
    total[i] = 0.0
    for k in range(raw.shape[0]):
        shares[k, i] = np.exp(raw[k, i] - top[i])
        total[i] += shares[k, i]


@compiled(nogil=True)
def stage_2019(
    orders, columns, weight, is_class, raw, gradient, learning_rate,
    min_impurity, keys, feature, threshold, gain, value, top, shares, total,
):  # fmt: skip
    """One stage with several classes as scikit-learn 0.20.3 ran it.

    The gradient of class k is taken from scores that the classes before it in the same stage
    have already changed. The softmax's exponentials and their sum per point are kept up to
    date (`top`, `shares`, `total`) rather than computed anew for each class; a point whose sum
    would lose digits, or whose score outgrows the shift, is recomputed.
    """
    num_classes, n = raw.shape
    shrink = (num_classes - 1.0) / num_classes
    factor = np.empty(NODES)
    spare, pairs = _spare(orders)
    for i in range(n):
        _refresh(i, raw, top, shares, total)
    for k in range(num_classes):
        for i in range(n):
            gradient[i] = is_class[k, i] - shares[k, i] / total[i]
        node_of = grow(
            orders, columns, weight, gradient, min_impurity, keys[k], feature[k], threshold[k],
            gain[k], spare, pairs,
        )  # fmt: skip
        leaf_values(gradient, weight, is_class[k], node_of, shrink, value[k])
        for node in range(NODES):
            factor[node] = np.exp(min(learning_rate * value[k, node], 50.0))
        for i in range(n):
            node = node_of[i]
            old = shares[k, i]
            new = old * factor[node]
            raw[k, i] += learning_rate * value[k, node]
            if 2.0 * old > total[i] or new > 1e3 or learning_rate * value[k, node] > 50.0:
                _refresh(i, raw, top, shares, total)
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
            for i in range(x.shape[0]):
                node = 0
                while node < INTERNAL and feature[s, k, node] >= 0:
                    right = x[i, feature[s, k, node]] > threshold[s, k, node]
                    node = 2 * node + (2 if right else 1)
                raw[k, i] += learning_rate * value[s, k, node]
