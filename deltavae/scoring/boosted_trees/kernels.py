"""The inner loops of gradient boosting with exact trees of depth three, in numba.

A tree is a heap of `NODES` = 15 nodes: 0 is the root, the children of node n are 2n+1 and
2n+2, nodes 7..14 are the deepest leaves. Points are the distinct rows of the training set,
each with the number of times it occurs (`weight`).

The gain of a split of a node with sum of gradients S and count N into (L, C) and the rest is

    (N L - C S)^2 / (N C (N - C)),

which is Friedman's improvement, and N times the decrease of the squared error: scikit-learn's
two criteria order splits alike. Every feature's order is cut into blocks, the same for every
tree. One walk over the points, in whatever order they lie, sums each block of each feature
(`sum_blocks`). The sums give the gain at the blocks' ends, and a bound on it between them: with
G+ and G- the sums of the block's positive and negative terms of N g - S, and D = N L - C S at
its start, D stays in [D + G-, D + G+]. Only blocks whose bound reaches the best gain known are
walked (`scan`), so that the split found is the best of all.
"""

from __future__ import annotations

import numpy as np

from deltavae.scoring.boosted_trees.compiled import compiled

DEPTH = 3
INTERNAL = 7
NODES = 15
# The sums of a block.
GRADIENT, COUNT, POSITIVE = range(3)
# Neighbouring values closer than this count as equal (scikit-learn's FEATURE_THRESHOLD).
FEATURE_THRESHOLD = np.float32(1e-7)
# Gains of two features that differ by less than this share of them are equal but for rounding.
TIE = 1e-11
EPSILON = float(np.finfo(np.float64).eps)


@compiled(nogil=True)
def sum_blocks(gradient, weight, node_of, first, block_of, sums, squares):
    """Sums of every block of every feature, for the nodes of one level.

    Args:
        gradient, weight: (n,) by point.
        node_of: (n,) the node a point is in; nodes before `first` are leaves.
        first: the first node of the level.
        block_of: (n, f) number of the point's block, counted over all features.
        sums: (nodes, blocks of all features, 3), overwritten: gradients, multiplicities,
            positive gradients.
        squares: (nodes, parts), overwritten: parts of the node's sum of squared gradients.
    """
    num_features = block_of.shape[1]
    size = np.uint64(sums.shape[1])
    flat = sums.reshape(-1)
    flat[:] = 0.0
    squares[:] = 0.0
    for i in range(gradient.shape[0]):
        if node_of[i] < first:
            continue
        node = np.uint64(node_of[i] - first)
        count = weight[i]
        total = count * gradient[i]
        squares[node, i % squares.shape[1]] += total * gradient[i]
        for f in range(num_features):
            at = (node * size + np.uint64(block_of[i, f])) * np.uint64(3)
            flat[at] += total
            flat[at + np.uint64(1)] += count
        if total > 0.0:
            for f in range(num_features):
                at = (node * size + np.uint64(block_of[i, f])) * np.uint64(3)
                flat[at + np.uint64(2)] += total


@compiled(nogil=True)
def scan(order, column, pairs, node_of, node, low, high, left, left_count, total, count, best):
    """Best split of a node between two of its points in a part of a feature's order.

    Args:
        order: (n,) the feature's points, ascending.
        column: (n,) by point, the feature.
        pairs: (n, 2) by point, gradient times multiplicity, and multiplicity.
        node_of: (n,) by point.
        low, high: the part of the order.
        left, left_count: sums of the node's pairs before it.
        total, count: sums of the node's pairs.
        best: gain (times count) that must be exceeded.

    Returns:
        (the best gain, the place it lies before); place is -1 if none exceeds `best`.
    """
    place = -1
    last = np.float32(np.inf)
    for i in range(low, high):
        point = order[i]
        if node_of[point] != node:
            continue
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
def best_end(blocks, starts, total, count):
    """Best split of a node at the end of a block of one feature: (gain times count, place)."""
    best = -1.0
    place = -1
    left = 0.0
    left_count = 0.0
    for b in range(len(blocks) - 1):
        left += blocks[b, GRADIENT]
        left_count += blocks[b, COUNT]
        difference = count * left - left_count * total
        scale = left_count * (count - left_count)
        square = difference * difference
        if scale > 0.0 and square > best * scale:
            best = square / scale
            place = starts[b + 1]
    return best, place


@compiled(nogil=True)
def bound(block, left, left_count, total, count, slack):
    """What the gain (times count) between two points of a block cannot exceed."""
    difference = count * left - left_count * total
    rise = count * block[POSITIVE] + max(-total, 0.0) * block[COUNT]
    fall = count * (block[POSITIVE] - block[GRADIENT]) + max(total, 0.0) * block[COUNT]
    reach = max(difference + rise, fall - difference) + slack
    few = left_count + 1.0
    many = left_count + block[COUNT] - 1.0
    return reach * reach / min(few * (count - few), many * (count - many))


@compiled(nogil=True)
def best_split(node, points, sums, node_of, pairs, total, count, slack, key, best, place):
    """The feature that splits a node best, and the place in its order; (-1, -1) if none can.

    Args:
        node: number of the node.
        points: `boosting_points.Points`.
        sums: (blocks of all features, 3) as from `sum_blocks`.
        node_of, pairs: as for `scan`.
        total, count: sums of the node's pairs.
        slack: bound on the rounding error of N L - C S.
        key: seed that decides between features of equal gain.
        best, place: (f,) overwritten.
    """
    num_features, num_blocks = points.mixed.shape
    known = -1.0
    for f in range(num_features):
        blocks = sums[f * num_blocks : (f + 1) * num_blocks]
        best[f], place[f] = best_end(blocks, points.starts[f], total, count)
        known = max(known, best[f])
    for f in range(num_features):
        left = 0.0
        left_count = 0.0
        for b in range(num_blocks):
            block = sums[f * num_blocks + b]
            if block[COUNT] > 1.0 and points.mixed[f, b]:
                limit = bound(block, left, left_count, total, count, slack)
                if limit >= known * (1.0 - TIE):
                    gain, at = scan(
                        points.orders[f], points.columns[f], pairs, node_of, node,
                        points.starts[f, b], points.starts[f, b + 1], left, left_count, total,
                        count, best[f],
                    )  # fmt: skip
                    if at >= 0:
                        best[f] = gain
                        place[f] = at
                        known = max(known, gain)
            left += block[GRADIENT]
            left_count += block[COUNT]
    winner = -1
    for f in range(num_features):
        if place[f] >= 0 and best[f] >= known * (1.0 - TIE):
            if winner < 0 or priority(key, node, f) > priority(key, node, winner):
                winner = f
    return (winner, place[winner]) if winner >= 0 else (-1, -1)


@compiled(nogil=True)
def priority(key, node, feature):
    """A pseudo-random number that decides between features of equal gain."""
    x = np.uint64(key) + np.uint64(node * 1024 + feature + 1) * np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled(nogil=True)
def midway(order, column, node_of, node, place):
    """The threshold between the node's last point before `place` and its first from there on."""
    before = place - 1
    while node_of[order[before]] != node:
        before -= 1
    after = place
    while node_of[order[after]] != node:
        after += 1
    low = np.float64(column[order[before]])
    high = np.float64(column[order[after]])
    middle = low / 2.0 + high / 2.0
    return low if middle == high else middle


@compiled(nogil=True)
def send_down(columns, feature, threshold, first, node_of):
    """Moves the points of a level's split nodes to their children."""
    for i in range(node_of.shape[0]):
        node = node_of[i]
        if node >= first and feature[node] >= 0:
            node_of[i] = 2 * node + 1 + (columns[feature[node], i] > threshold[node])


@compiled(nogil=True)
def leaf_values(gradient, weight, node_of, shrink, value):
    """Friedman's one Newton step for each leaf.

    value = shrink * sum(w g) / sum(w p (1 - p)); 0 where the denominator vanishes. The
    gradient g = y - p of a probability p has |g| (1 - |g|) = p (1 - p).
    """
    numerator = np.zeros(NODES)
    denominator = np.zeros(NODES)
    for i in range(gradient.shape[0]):
        node = node_of[i]
        size = abs(gradient[i])
        numerator[node] += weight[i] * gradient[i]
        denominator[node] += weight[i] * size * (1.0 - size)
    for node in range(NODES):
        if abs(denominator[node]) < 1e-150:
            value[node] = 0.0
        else:
            value[node] = shrink * numerator[node] / denominator[node]
