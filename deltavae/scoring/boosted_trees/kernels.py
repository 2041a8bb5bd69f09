"""The inner loops of gradient boosting with exact trees of depth three, in numba.

A tree is a heap of `NODES` = 15 nodes: 0 is the root, the children of node n are 2n+1 and
2n+2, nodes 7..14 are the deepest leaves. Points are the distinct rows of the training set,
each with the number of times it occurs (`weight`).

The gain of a split of a node with sum of gradients S and count N into (L, C) and the rest is

    (N L - C S)^2 / (N C (N - C)),

which is Friedman's improvement, and N times the decrease of the squared error: scikit-learn's
two criteria order splits alike. Every feature's order is cut into blocks, the same for every
tree. One walk over a node's points, in whatever order they lie, sums the gradients of each block
of each feature (`sum_gradients`); a second one the multiplicities (`sum_counts`), for the smaller
of two siblings: these are whole numbers, and the other has its parent's less those. The sums give
the gain at the blocks' ends, and a bound on it between them: with G+ and G- the sums of the
block's positive and negative terms of N g - S, and D = N L - C S at its start, D stays in
[D + G-, D + G+]. Only blocks whose bound reaches the best gain known are walked (`scan`), so that
the split found is the best of all.
"""

from __future__ import annotations

import numpy as np

from deltavae.scoring.boosted_trees.compiled import compiled

DEPTH = 3
INTERNAL = 7
NODES = 15
# Neighbouring values closer than this count as equal (scikit-learn's FEATURE_THRESHOLD).
FEATURE_THRESHOLD = np.float32(1e-7)
# Gains of two features that differ by less than this share of them are equal but for rounding.
TIE = 1e-11
EPSILON = float(np.finfo(np.float64).eps)


@compiled(nogil=True)
def sum_gradients(members, gradient, weight, block_of, gradients, positives, squares):
    """Sums of a node's gradients in every block of every feature.

    Args:
        members: the points in the node, ascending.
        gradient, weight: (n,) by point.
        block_of: (n, f) number of the point's block, counted over all features.
        gradients, positives: (blocks of all features,) overwritten: sums of all gradients, and
            of the positive ones.
        squares: (parts,) overwritten: parts of the sum of squared gradients.
    """
    num_features = block_of.shape[1]
    gradients[:] = 0.0
    positives[:] = 0.0
    squares[:] = 0.0
    for i in members:
        total = weight[i] * gradient[i]
        squares[i % squares.shape[0]] += total * gradient[i]
        for f in range(num_features):
            gradients[block_of[i, f]] += total
        if total > 0.0:
            for f in range(num_features):
                positives[block_of[i, f]] += total


@compiled(nogil=True)
def sum_counts(members, weight, block_of, counts):
    """Sums of a node's multiplicities in every block of every feature: `counts`, overwritten."""
    counts[:] = 0.0
    for i in members:
        for f in range(block_of.shape[1]):
            counts[block_of[i, f]] += weight[i]


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
def best_end(gradients, counts, starts, total, count):
    """Best split of a node at the end of a block of one feature: (gain times count, place)."""
    best = -1.0
    place = -1
    left = 0.0
    left_count = 0.0
    for b in range(len(gradients) - 1):
        left += gradients[b]
        left_count += counts[b]
        difference = count * left - left_count * total
        scale = left_count * (count - left_count)
        square = difference * difference
        if scale > 0.0 and square > best * scale:
            best = square / scale
            place = starts[b + 1]
    return best, place


@compiled(nogil=True)
def bound(gradient, positive, block_count, left, left_count, total, count, slack):
    """What the gain (times count) between two points of a block cannot exceed."""
    difference = count * left - left_count * total
    rise = count * positive + max(-total, 0.0) * block_count
    fall = count * (positive - gradient) + max(total, 0.0) * block_count
    reach = max(difference + rise, fall - difference) + slack
    few = left_count + 1.0
    many = left_count + block_count - 1.0
    return reach * reach / min(few * (count - few), many * (count - many))


@compiled(nogil=True)
def best_split(
    node, points, gradients, positives, counts, node_of, pairs, total, count, slack, key, best,
    place,
):  # fmt: skip
    """The feature that splits a node best, and the place in its order; (-1, -1) if none can.

    Args:
        node: number of the node.
        points: `points.Points`.
        gradients, positives, counts: (blocks of all features,) the node's sums.
        node_of, pairs: as for `scan`.
        total, count: sums of the node's pairs.
        slack: bound on the rounding error of N L - C S.
        key: seed that decides between features of equal gain.
        best, place: (f,) overwritten.
    """
    num_features, num_blocks = points.mixed.shape
    known = -1.0
    for f in range(num_features):
        low, high = f * num_blocks, (f + 1) * num_blocks
        best[f], place[f] = best_end(
            gradients[low:high], counts[low:high], points.starts[f], total, count
        )
        known = max(known, best[f])
    for f in range(num_features):
        left = 0.0
        left_count = 0.0
        for b in range(num_blocks):
            block = f * num_blocks + b
            if counts[block] > 1.0 and points.mixed[f, b]:
                limit = bound(
                    gradients[block], positives[block], counts[block], left, left_count, total,
                    count, slack,
                )  # fmt: skip
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
            left += gradients[block]
            left_count += counts[block]
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
def divide(node, members, sizes, column, threshold, node_of):
    """Moves a node's members to its children, keeping their order.

    Args:
        node: number of the node.
        members: (15, n) the points in each node, in the first `sizes` places of its row.
        sizes: (15,) how many they are.
        column: (n,) by point, the feature that the node splits on.
        threshold: points with a value up to it go left.
        node_of: (n,) the node that each point is in.
    """
    left, right = members[2 * node + 1], members[2 * node + 2]
    num_left = 0
    num_right = 0
    for i in members[node, : sizes[node]]:
        above = column[i] > threshold
        node_of[i] = 2 * node + 1 + above
        left[num_left] = i
        right[num_right] = i
        num_left += not above
        num_right += above
    sizes[node] = 0
    sizes[2 * node + 1] = num_left
    sizes[2 * node + 2] = num_right


@compiled(nogil=True)
def leaf_values(gradient, weight, members, sizes, shrink, value):
    """Friedman's one Newton step for each leaf.

    value = shrink * sum(w g) / sum(w p (1 - p)); 0 where the denominator vanishes. The
    gradient g = y - p of a probability p has |g| (1 - |g|) = p (1 - p).
    """
    for node in range(NODES):
        numerator = 0.0
        denominator = 0.0
        for i in members[node, : sizes[node]]:
            size = abs(gradient[i])
            numerator += weight[i] * gradient[i]
            denominator += weight[i] * size * (1.0 - size)
        if abs(denominator) < 1e-150:
            value[node] = 0.0
        else:
            value[node] = shrink * numerator / denominator


@compiled(nogil=True)
def with_all_leaves_deepest(feature, threshold, value):
    """Splits, thresholds and values of the same tree with all its leaves at the deepest level.

    A node that was a leaf sends every point left. So a walk takes three steps, without branches.
    """
    splits = np.empty(INTERNAL, np.uint16)
    bounds = threshold[:INTERNAL].copy()
    steps = value.copy()
    leaf = feature < 0
    for node in range(INTERNAL):
        if leaf[node]:
            splits[node] = 0
            bounds[node] = np.inf
            steps[2 * node + 1] = steps[node]
        else:
            splits[node] = feature[node]
    return splits, bounds, steps
