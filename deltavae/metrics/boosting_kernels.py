"""The inner loops of gradient boosting with exact trees of depth three, in numba.

A tree is a heap of `NODES` = 15 nodes: 0 is the root, the children of node n are 2n+1 and
2n+2, nodes 7..14 are the deepest leaves. Points are the distinct rows of the training set,
each with the number of times it occurs (`weight`).

A node is a range of each feature's order: the points of its left child come first, those of the
right one after, both still ascending (`divide`). So a node is searched by one walk over its part
of each order, with its sums in registers, and nothing is sorted again. The gain of a split of a
node with sum S and count N into (S_l, N_l) and the rest is

    (N S_l - N_l S)^2 / (N N_l (N - N_l)),

which is Friedman's improvement, and N times the decrease of the squared error: scikit-learn's
two criteria order splits alike. The walk compares without dividing.
"""

from __future__ import annotations

import numpy as np

from deltavae.metrics.compiled import compiled

DEPTH = 3
INTERNAL = 7
NODES = 15
# Neighbouring values closer than this count as equal (scikit-learn's FEATURE_THRESHOLD).
FEATURE_THRESHOLD = np.float32(1e-7)
EPSILON = float(np.finfo(np.float64).eps)


@compiled(nogil=True)
def scan(order, column, pairs, low, high, total, count):
    """Best split of a node along one feature: (gain times count, place it lies before).

    Args:
        order: the feature's points, ascending within the node.
        column: (n,) by point, the feature.
        pairs: (n, 2) by point, gradient times multiplicity, and multiplicity.
        low, high: the node's part of the order.
        total, count: the node's sums of the two columns of `pairs`.
    """
    best = -1.0
    place = -1
    left = 0.0
    left_count = 0.0
    last = -np.float32(np.inf)
    for i in range(low, high):
        point = order[i]
        value = column[point]
        if value > last + FEATURE_THRESHOLD:
            difference = count * left - left_count * total
            scale = left_count * (count - left_count)
            square = difference * difference
            if square > best * scale:
                best = square / scale
                place = i
        left += pairs[point, 0]
        left_count += pairs[point, 1]
        last = value
    return best, place


@compiled(nogil=True)
def divide(order, goes_left, low, middle, high, new_order):
    """Writes a node's part of an order anew, the `middle - low` points that go left first."""
    left = low
    right = middle
    for i in range(low, high):
        point = order[i]
        is_left = np.int64(goes_left[point])
        new_order[right + (left - right) * is_left] = point  # no branch: none could be foreseen
        left += is_left
        right += 1 - is_left


@compiled(nogil=True)
def priority(key, node, feature):
    """A pseudo-random number that decides between features of exactly equal gain."""
    x = np.uint64(key) + np.uint64(node * 1024 + feature + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled(nogil=True)
def choose_split(node, orders, columns, best, place, count, key, feature, threshold, gain):
    """Takes the best feature of a node and writes its split, midway between two values."""
    winner = -1
    for f in range(orders.shape[0]):
        if place[f] < 0:
            continue
        if winner < 0 or best[f] > best[winner]:
            winner = f
        elif best[f] == best[winner] and priority(key, node, f) > priority(key, node, winner):
            winner = f
    if winner < 0:
        return
    low = np.float64(columns[winner, orders[winner, place[winner] - 1]])
    high = np.float64(columns[winner, orders[winner, place[winner]]])
    middle = low / 2.0 + high / 2.0
    feature[node] = winner
    threshold[node] = low if middle == high else middle
    gain[node] = best[winner] / count


@compiled(nogil=True)
def may_split(node, sums, squares, counts, min_impurity):
    """Whether a node has two points or more, and a variance above `min_impurity`."""
    if counts[node] < 2.0:
        return False
    mean = sums[node] / counts[node]
    return squares[node] / counts[node] - mean * mean > min_impurity


@compiled(nogil=True)
def send_down(node, order, place, node_of, goes_left, begin, end):
    """Makes a split node's children: along the feature that splits it, those left of `place`."""
    for child in range(2 * node + 1, 2 * node + 3):
        is_left = child % 2
        low, high = (begin[node], place) if is_left else (place, end[node])
        for i in range(low, high):
            goes_left[order[i]] = is_left
            node_of[order[i]] = child
        begin[child] = low
        end[child] = high


@compiled(nogil=True)
def sum_nodes(pairs, gradient, node_of, sums, squares, counts):
    """Sums of gradient, its square and multiplicity, by node, in the order of the points."""
    sums[:] = 0.0
    squares[:] = 0.0
    counts[:] = 0.0
    for i in range(gradient.shape[0]):
        node = node_of[i]
        sums[node] += pairs[i, 0]
        squares[node] += pairs[i, 0] * gradient[i]
        counts[node] += pairs[i, 1]


@compiled(nogil=True)
def leaf_values(gradient, weight, is_class, node_of, shrink, value):
    """Friedman's one Newton step for each leaf.

    value = shrink * sum(w g) / sum(w p (1 - p)), where p = y - g is the predicted probability;
    0 where the denominator vanishes.
    """
    numerator = np.zeros(NODES)
    denominator = np.zeros(NODES)
    for i in range(gradient.shape[0]):
        node = node_of[i]
        p = is_class[i] - gradient[i]
        numerator[node] += weight[i] * gradient[i]
        denominator[node] += weight[i] * p * (1.0 - p)
    for node in range(NODES):
        if abs(denominator[node]) < 1e-150:
            value[node] = 0.0
        else:
            value[node] = shrink * numerator[node] / denominator[node]
