"""The inner loops of gradient boosting with exact trees of depth three, in numba.

A tree is a heap of `NODES` = 15 nodes: 0 is the root, the children of node n are 2n+1 and
2n+2, nodes 7..14 are the deepest leaves. Points are the distinct rows of the training set,
each with the number of times it occurs (`weight`).

A level of a tree is grown by one walk over each feature's presorted order. The walk keeps, for
every open node of the level, the sum and count of the points seen so far, so all nodes are
served at once and nothing is sorted again. The gain of a split of a node with sum S and count N
into (S_l, N_l) and the rest is

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
# Where the walk parks points of finished nodes: a ninth slot whose best can't be beaten.
PARKED = 4


@compiled(nogil=True)
def scan_root(order, values, weights, gradient, total, count):
    """Best split of the root along one feature: (gain times count, rank it lies before)."""
    best = -1.0
    rank = -1
    left = 0.0
    left_count = 0.0
    last = -np.float32(np.inf)
    for i in range(order.shape[0]):
        value = values[i]
        if value > last + FEATURE_THRESHOLD:
            difference = count * left - left_count * total
            scale = left_count * (count - left_count)
            square = difference * difference
            if square > best * scale:
                best = square / scale
                rank = i
        left += gradient[order[i]]
        left_count += weights[i]
        last = value
    return best, rank


@compiled(nogil=True)
def scan_level(order, values, weights, gradient, slot, totals, counts, best, rank, scratch):
    """Best split of each of up to four open nodes along one feature.

    Args:
        slot: (n,) uint8, the place of each point's node in its level, or `PARKED`.
        totals, counts: (5,) sum and count of each node.
        best, rank: (5,) results: gain times count (-1: none) and the rank the split lies before.
        scratch: (2, 5) float64, overwritten.
    """
    left = scratch[0]
    left_count = scratch[1]
    last = np.empty(5, np.float32)
    for node in range(5):
        left[node] = 0.0
        left_count[node] = 0.0
        last[node] = -np.float32(np.inf)
        best[node] = -1.0
        rank[node] = -1
    best[PARKED] = np.inf
    for i in range(order.shape[0]):
        point = order[i]
        node = slot[point]
        value = values[i]
        seen = left[node]
        seen_count = left_count[node]
        if value > last[node] + FEATURE_THRESHOLD:
            count = counts[node]
            difference = count * seen - seen_count * totals[node]
            scale = seen_count * (count - seen_count)
            square = difference * difference
            if square > best[node] * scale:
                best[node] = square / scale
                rank[node] = i
        left[node] = seen + gradient[point]
        left_count[node] = seen_count + weights[i]
        last[node] = value


@compiled(nogil=True)
def priority(key, node, feature):
    """A pseudo-random number that decides between features of exactly equal gain."""
    x = np.uint64(key) + np.uint64(node * 1024 + feature + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled(nogil=True)
def threshold_before(order, values, slot, node, rank):
    """The midpoint between the point at `rank` and the one before it in the same node."""
    previous = rank - 1
    while slot[order[previous]] != node:
        previous -= 1
    low = np.float64(values[previous])
    high = np.float64(values[rank])
    middle = low / 2.0 + high / 2.0
    return low if middle == high else middle


@compiled(nogil=True)
def open_node(node, level_start, slot_of_node, impurity, count, min_impurity):
    """Gives a node its place in the level, or parks it if it may not be split."""
    if count >= 2.0 and impurity > min_impurity:
        slot_of_node[node] = node - level_start
    else:
        slot_of_node[node] = PARKED


@compiled(nogil=True)
def choose_splits(
    depth, orders, values, slot, slot_of_node, counts, best, rank, key, feature, threshold, gain
):
    """Takes the best feature of each open node of a level and writes its split."""
    level_start = (1 << depth) - 1
    for place in range(1 << depth):
        node = level_start + place
        feature[node] = -1
        if slot_of_node[node] == PARKED:
            continue
        winner = -1
        for f in range(orders.shape[0]):
            if rank[f, place] < 0:
                continue
            if winner < 0 or best[f, place] > best[winner, place]:
                winner = f
            elif best[f, place] == best[winner, place]:
                if priority(key, node, f) > priority(key, node, winner):
                    winner = f
        if winner >= 0:
            feature[node] = winner
            threshold[node] = threshold_before(
                orders[winner], values[winner], slot, place, rank[winner, place]
            )
            gain[node] = best[winner, place] / counts[node]


@compiled(nogil=True)
def send_down(
    depth, columns, weight, gradient, node_of, feature, threshold, sums, squares, counts
):
    """Moves the points of split nodes into their children and sums those."""
    level_start = (1 << depth) - 1
    for child in range(2 * level_start + 1, 4 * level_start + 3):
        sums[child] = 0.0
        squares[child] = 0.0
        counts[child] = 0.0
    for i in range(node_of.shape[0]):
        node = node_of[i]
        if node < level_start:
            continue
        f = feature[node]
        if f < 0:
            continue
        child = 2 * node + (1 if columns[f, i] <= threshold[node] else 2)
        node_of[i] = child
        value = weight[i] * gradient[i]
        sums[child] += value
        squares[child] += value * gradient[i]
        counts[child] += weight[i]


@compiled(nogil=True)
def start_tree(gradient, weight, weighted, node_of, slot, sums, squares, counts):
    """Puts every point into the root and sums it."""
    total = 0.0
    square = 0.0
    count = 0.0
    for i in range(gradient.shape[0]):
        value = weight[i] * gradient[i]
        weighted[i] = value
        total += value
        square += value * gradient[i]
        count += weight[i]
        node_of[i] = 0
        slot[i] = 0
    sums[0] = total
    squares[0] = square
    counts[0] = count


@compiled(nogil=True)
def open_level(
    depth, node_of, slot, slot_of_node, sums, squares, counts, totals, sizes, min_impurity
):
    """Decides which nodes of a level may be split and places the points; True if any may."""
    level_start = (1 << depth) - 1
    found = False
    for place in range(1 << depth):
        node = level_start + place
        slot_of_node[node] = PARKED
        totals[place] = 0.0
        sizes[place] = 0.0
        if counts[node] > 0.0:
            mean = sums[node] / counts[node]
            impurity = squares[node] / counts[node] - mean * mean
            open_node(node, level_start, slot_of_node, impurity, counts[node], min_impurity)
            totals[place] = sums[node]
            sizes[place] = counts[node]
        found = found or slot_of_node[node] != PARKED
    totals[PARKED] = 0.0
    sizes[PARKED] = 0.0
    if found and depth > 0:
        for i in range(node_of.shape[0]):
            node = node_of[i]
            slot[i] = slot_of_node[node] if node >= level_start else PARKED
    return found


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
