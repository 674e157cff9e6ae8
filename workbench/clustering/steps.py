"""The steps of Euclidean k-means as machine code: templates, with intrinsics and numbers bound by name.

Points are compared in panels, copied from the rows as they are needed. The sums of the points by cluster are kept up to
date by the points that changed cluster, so late steps read and compare only; and they give the inertia after both
halves for nothing: Σ||x - c||² = Σ||x||² - 2 Σ s·c + Σ m ||c||², s the sum and m the number of a cluster's points. Sums
are float64 whatever the points are, about the mean of all points, so that float32 does not lose what tells them apart.
Shards are fixed by the number of points and added up in order: the bits do not depend on threads.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import math

import numpy as np

from workbench.jit.retarget import reassociated

GOING, SETTLED, STILL, EMPTY, FINISHED = range(5)  # why a run of steps ended
DONE, REASON, LAST = range(3)  # of its state
CHANGED, DIGEST = range(2)  # columns of what a shard tells
SPARE = 8  # numbers behind a shard's own, a line of the cache: threads shall not write to the same


def intrinsic(*arguments):
    raise NotImplementedError("bound to an intrinsic, as are the names below; those in capitals to numbers")


address_of = at = barrier = lowest_bit = copy_tile = intrinsic
nearest_a = nearest_b = nearest_c = next_a = next_b = next_c = intrinsic
WIDTH = BYTES = LANES = COLUMNS = FEATURES = GROUP_A = GROUP_B = ZERO = EPSILON = UP = DOWN = 0


def moments(X, mean, sums, squares, arrived, thread, threads):
    """The mean of ``X``, and for each feature the sum of squares about it; the last of these in shard 0."""
    n, d = X.shape
    shards = sums.shape[0]
    counter = address_of(arrived)
    for s in range(thread, shards, threads):
        i, end = s * n // shards, (s + 1) * n // shards
        while i + 4 <= end:
            for j in range(d):
                sums[s, j] += (np.float64(X[i, j]) + X[i + 1, j]) + (np.float64(X[i + 2, j]) + X[i + 3, j])
            i += 4
        for rest in range(i, end):
            for j in range(d):
                sums[s, j] += X[rest, j]
    if threads > 1 and not barrier(counter, threads):
        return
    if thread == 0:
        for j in range(d):
            total = 0.0
            for s in range(shards):
                total += sums[s, j]
            mean[j] = total / n
    if threads > 1 and not barrier(counter, threads):
        return
    for s in range(thread, shards, threads):
        i, end = s * n // shards, (s + 1) * n // shards
        while i + 4 <= end:
            for j in range(d):
                a, b, c, e = X[i, j] - mean[j], X[i + 1, j] - mean[j], X[i + 2, j] - mean[j], X[i + 3, j] - mean[j]
                squares[s, j] += (a * a + b * b) + (c * c + e * e)
            i += 4
        for rest in range(i, end):
            for j in range(d):
                squares[s, j] += (X[rest, j] - mean[j]) ** 2
    if threads > 1 and not barrier(counter, threads):
        return
    if thread == 0:
        for j in range(d):
            for s in range(1, shards):
                squares[0, j] += squares[s, j]


def compare_all(
    X, mean, rounded, centers, packed, norms, group, batch, rooms, found, labels, kept, stride, sums, counts,
    partial, partial_counts, told, inertia, changes, tolerance, state, arrived, thread, threads,
):  # fmt: skip
    """Steps from ``centers[0]`` on, every point compared with every centre, until one that is the last.

    ``state``: how many steps were done, why it ended, and which one has a first half only: the points are assigned once
    more when the last step that is allowed is done (so set at first), or the centres stood still. ``changes``
    (steps, 2): labels changed in a step, and the digest of all. ``inertia`` (steps, 2) lacks what the points alone
    contribute.
    """
    n, d = X.shape[0], FEATURES if FEATURES != 0 else X.shape[1]
    counter = address_of(arrived)
    shards, blocks, panels = partial.shape[0], norms.size // group, (n + WIDTH - 1) // WIDTH
    room = address_of(rooms[thread])
    least, which = room + batch * d * WIDTH * BYTES, found[thread]
    for step in range(inertia.shape[0]):
        if step == centers.shape[0] - 1 and state[LAST] != step:
            return
        if thread == 0:
            pack_centers(centers[step], packed, norms, group)
        if threads > 1 and not barrier(counter, threads):
            return
        for s in range(thread, shards, threads):
            clear(partial[s], partial_counts[s], told[s])
            start, end = s * panels // shards, (s + 1) * panels // shards
            for p in range(start, end):
                row = p * WIDTH
                place = (p - start) % batch
                if place == 0:
                    count = min(batch, end - p)
                    if FEATURES == 0:
                        at(least)[0] = touch(X, row, row + count * WIDTH)
                    copy_panels(X, row, count, rounded, room)
                points, at_labels = room + place * d * WIDTH * BYTES, address_of(labels) + row * 4
                at_centers, at_norms, at_found = address_of(packed), address_of(norms), address_of(which)
                if group == GROUP_A:
                    bits = nearest_a(points, d, at_centers, at_norms, blocks, at_labels, at_found, least, least)
                elif group == GROUP_B:
                    bits = nearest_b(points, d, at_centers, at_norms, blocks, at_labels, at_found, least, least)
                else:
                    bits = nearest_c(points, d, at_centers, at_norms, blocks, at_labels, at_found, least, least)
                if n - row < WIDTH:
                    bits &= (1 << (n - row)) - 1
                if bits != 0:
                    settle(bits, row, which, X, mean, labels, which, partial[s], partial_counts[s], told[s])
            keep(labels, start * WIDTH, min(n, end * WIDTH), stride, kept[step])
        if threads > 1 and not barrier(counter, threads):
            return
        if thread == 0:
            conclude(step, centers, sums, counts, partial, partial_counts, told, inertia, changes, tolerance, state)
        if threads > 1 and not barrier(counter, threads):
            return
        if state[REASON] != GOING:
            return


def compare_bounded(
    X, mean, rounded, centers, packed, norms, group, batch, rooms, found, labels, kept, stride, sums, counts,
    partial, partial_counts, told, inertia, changes, tolerance, near, drift, upper, lower, state, arrived,
    thread, threads,
):  # fmt: skip
    """The same, but a point is compared only where the triangle inequality does not settle it; Hamerly (2010).

    ``near`` (n_clusters, n_features): the centres as they were compared with last. ``upper`` bounds a point's distance
    to its centre from above, ``lower`` that to every other from below; ``drift`` (n_clusters + 1, 2) says how far a
    centre has moved since, and half the way to the next centre; its last row the farthest that any has. Bounds have
    room for what rounding may do, so what is not compared would have kept its label: labels and sums are bit by bit
    those of ``compare_all``.
    """
    n, d, k = X.shape[0], X.shape[1], centers.shape[1]
    counter = address_of(arrived)
    shards, blocks, panels = partial.shape[0], norms.size // group, (n + WIDTH - 1) // WIDTH
    room = rooms[thread]
    least, after, squares = d * WIDTH, (d + 1) * WIDTH, (d + 2) * WIDTH
    which, before, new = found[thread, 0:WIDTH], found[thread, WIDTH : 2 * WIDTH], found[thread, 2 * WIDTH : 3 * WIDTH]
    at_room = address_of(room)
    for step in range(inertia.shape[0]):
        if step == centers.shape[0] - 1 and state[LAST] != step:
            return
        if thread == 0:
            pack_centers(centers[step], packed, norms, group)
            move(centers[step], near, drift)
        if threads > 1 and not barrier(counter, threads):
            return
        for c in range(thread, k, threads):
            drift[c, 1] = half_way(near, c)
        if threads > 1 and not barrier(counter, threads):
            return
        farthest = drift[k, 0]
        longest = 0.0
        for c in range(k):
            longest = max(longest, norms[c])
        slack = (d + 8) * EPSILON
        for s in range(thread, shards, threads):
            clear(partial[s], partial_counts[s], told[s])
            start, end = s * panels // shards * WIDTH, min(n, (s + 1) * panels // shards * WIDTH)
            filled = 0
            for row in range(start, end + 1):
                if row < end:
                    label = labels[row]
                    if label < k:
                        upper[row] = (upper[row] + drift[label, 0]) * UP
                        lower[row] = lower[row] * DOWN - farthest
                        bound = max(lower[row], drift[label, 1])
                        if upper[row] < bound:
                            continue
                        square, size = distance_and_size(X[row], rounded, near[label])
                        upper[row] = math.sqrt(square + slack * (size + longest))
                        if upper[row] < bound:
                            continue
                    else:
                        square, size = distance_and_size(X[row], rounded, near[0])
                    for j in range(d):
                        room[j * WIDTH + filled] = X[row, j] - rounded[j]
                    room[squares + filled] = size
                    which[filled] = row
                    before[filled] = label
                    filled += 1
                if filled == WIDTH or (row == end and filled > 0):
                    at_before, at_new, at_least = address_of(before), address_of(new), at_room + least * BYTES
                    at_after = at_room + after * BYTES
                    at_centers, at_norms = address_of(packed), address_of(norms)
                    if group == GROUP_A:
                        bits = next_a(at_room, d, at_centers, at_norms, blocks, at_before, at_new, at_least, at_after)
                    elif group == GROUP_B:
                        bits = next_b(at_room, d, at_centers, at_norms, blocks, at_before, at_new, at_least, at_after)
                    else:
                        bits = next_c(at_room, d, at_centers, at_norms, blocks, at_before, at_new, at_least, at_after)
                    for i in range(filled):
                        size = room[squares + i]
                        room_for_error = slack * (size + longest)
                        upper[which[i]] = math.sqrt(max(room[least + i] + size, ZERO) + room_for_error)
                        lower[which[i]] = math.sqrt(max(room[after + i] + size - room_for_error, ZERO))
                    bits &= (1 << filled) - 1
                    settle(bits, -1, which, X, mean, labels, new, partial[s], partial_counts[s], told[s])
                    filled = 0
            keep(labels, start, end, stride, kept[step])
        if threads > 1 and not barrier(counter, threads):
            return
        if thread == 0:
            conclude(step, centers, sums, counts, partial, partial_counts, told, inertia, changes, tolerance, state)
        if threads > 1 and not barrier(counter, threads):
            return
        if state[REASON] != GOING:
            return


def copy_panels(X, row, count, mean, panels):
    """Points from ``row`` on, less the mean, as so many panels; what there is no point for is zero."""
    n, d = X.shape[0], FEATURES if FEATURES != 0 else X.shape[1]
    source, middle = address_of(X), address_of(mean)
    for _ in range(count):
        rows = min(WIDTH, n - row)
        tiled = d - d % COLUMNS if rows == WIDTH else 0
        for j in range(0, tiled, COLUMNS):
            for i in range(0, WIDTH, LANES):
                copy_tile(source + ((row + i) * d + j) * BYTES, d, middle + j * BYTES, panels + (j * WIDTH + i) * BYTES)
        x, out = at(source + row * d * BYTES), at(panels)
        for j in range(tiled, d):
            for i in range(WIDTH):
                out[j * WIDTH + i] = x[i * d + j] - mean[j] if i < rows else ZERO
        row += WIDTH
        panels += d * WIDTH * BYTES


def touch(X, start, end):
    """Read these points one line of memory after the other, which is twice as fast as the order of a copy to panels."""
    x, d = at(address_of(X)), X.shape[1]
    total = ZERO  # so that the reading is not left out
    for i in range(start * d, min(end, X.shape[0]) * d, 64 // BYTES):
        total += x[i]
    return total


def pack_centers(centers, packed, norms, group):
    """-2c, group by group and feature by feature, and ||c||² as the points' precision has c."""
    k, d = centers.shape
    for c in range(k):
        norm = 0.0
        for j in range(d):
            place = (c // group * d + j) * group + c % group
            packed[place] = centers[c, j]
            rounded = np.float64(packed[place])
            norm += rounded * rounded
            packed[place] = -2 * rounded
        norms[c] = norm


def move(centers, near, drift):
    """Take ``centers`` over into ``near``, and note how far each has moved."""
    k = centers.shape[0]
    drift[k, 0] = ZERO
    for c in range(k):
        total = 0.0
        for j in range(centers.shape[1]):
            before = np.float64(near[c, j])
            near[c, j] = centers[c, j]
            total += (near[c, j] - before) ** 2
        drift[c, 0] = math.sqrt(total) * (1 + 4 * EPSILON)
        drift[k, 0] = max(drift[k, 0], drift[c, 0])


def half_way(near, c):
    """Half the distance from a centre to the next, less what rounding may have added."""
    least = np.inf
    for other in range(near.shape[0]):
        if other != c:
            least = min(least, squared_distance(near[c], near[other]))
    return 0.5 * math.sqrt(least) * (1 - (near.shape[1] + 8) * EPSILON)


@reassociated
def squared_distance(x, y):
    total = ZERO
    for j in range(x.size):
        total += (x[j] - y[j]) * (x[j] - y[j])
    return total


@reassociated
def distance_and_size(x, mean, center):
    """||x - c||² and ||x||², of a point about the mean."""
    total, size = ZERO, ZERO
    for j in range(x.size):
        at = x[j] - mean[j]
        total += (at - center[j]) * (at - center[j])
        size += at * at
    return total, size


def clear(moved, hashed, told):
    """Make a shard's sums ready for a step, where the last one left something."""
    if told[CHANGED] != 0:
        for c in range(moved.shape[0]):
            hashed[c] = 0
            for j in range(moved.shape[1]):
                moved[c, j] = 0
    told[CHANGED] = 0
    told[DIGEST] = 0


def settle(bits, row, which, X, mean, labels, new, moved, moved_counts, told):
    """Give points their new labels, and what goes with them to another cluster.

    Point i of those that ``bits`` names is ``row + i``, or ``which[i]`` where ``row`` is negative.
    """
    d = FEATURES if FEATURES != 0 else X.shape[1]
    nobody = moved_counts.size - SPARE
    while bits != 0:
        place = lowest_bit(bits)
        bits &= bits - 1
        i = row + place if row >= 0 else np.int64(which[place])
        old, to = labels[i], new[place]
        labels[i] = to
        told[CHANGED] += 1
        told[DIGEST] += hash_of(i, to)
        moved_counts[to] += 1
        if old == nobody:
            for j in range(d):
                moved[to, j] += X[i, j] - mean[j]
        else:
            moved_counts[old] -= 1
            told[DIGEST] -= hash_of(i, old)
            for j in range(d):
                moved[to, j] += X[i, j] - mean[j]
            for j in range(d):
                moved[old, j] -= X[i, j] - mean[j]


def keep(labels, start, end, stride, kept):
    """Every ``stride``-th label from ``start`` to ``end``, for the history."""
    for i in range((start + stride - 1) // stride * stride, end, stride):
        kept[i // stride] = labels[i]


def conclude(step, centers, sums, counts, partial, partial_counts, told, inertia, changes, tolerance, state):
    """Add up what the shards found, and move the centres."""
    changed, digest = 0, changes[step, 1]
    for s in range(partial.shape[0]):
        if told[s, CHANGED] != 0:
            changed += told[s, CHANGED]
            digest += told[s, DIGEST]
            for c in range(sums.shape[0]):
                counts[c] += partial_counts[s, c]
                for j in range(sums.shape[1]):
                    sums[c, j] += partial[s, c, j]
    changes[step, 0], changes[step, 1] = changed, digest
    if step + 1 < changes.shape[0]:
        changes[step + 1, 1] = digest
    inertia[step, 0] = spread(centers[step], sums, counts)
    state[DONE] = step
    if state[LAST] == step:
        state[REASON] = FINISHED
        return
    reason = update(centers[step], centers[step + 1], sums, counts, changed, tolerance)
    if reason != EMPTY:
        inertia[step, 1] = spread(centers[step + 1], sums, counts)
        state[DONE] = step + 1
    if reason == STILL:
        state[LAST] = step + 1
    else:
        state[REASON] = reason


def spread(centers, sums, counts):
    """Σ m ||c||² - 2 Σ s·c."""
    total = 0.0
    for c in range(centers.shape[0]):
        for j in range(centers.shape[1]):
            total += centers[c, j] * (counts[c] * centers[c, j] - 2 * sums[c, j])
    return total


def update(centers, moved, sums, counts, changed, tolerance):
    """Centres to the mean of their points; why to stop now, if so."""
    shift = 0.0
    for c in range(centers.shape[0]):
        if counts[c] == 0:
            return EMPTY
        for j in range(centers.shape[1]):
            moved[c, j] = sums[c, j] / counts[c]
            shift += (moved[c, j] - centers[c, j]) ** 2
    if changed == 0:
        return SETTLED
    if shift <= tolerance:
        return STILL
    return GOING


def hash_of(place, label):
    """What a label adds to the digest; the same as in ``lloyd.digest``."""
    hashed = np.uint64(place) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(label) * np.uint64(0xC2B2AE3D27D4EB4F)
    hashed = (hashed ^ (hashed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
    return np.int64(hashed)
