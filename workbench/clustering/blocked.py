"""Euclidean k-means in machine code: whole runs of steps, on panels of points, threads meeting at each half.

A step costs one pass over the points. Their sums by cluster are kept up to date by the points that changed cluster, so
late steps read and compare only; and they give the inertia after both halves for nothing:
Σ||x - c||² = Σ||x||² - 2 Σ s·c + Σ m ||c||², s the sum and m the number of a cluster's points. Sums are float64 whatever
the points are, about the mean of all points, so that float32 does not lose what tells them apart. Shards are fixed by
the number of points and added up in order: the bits do not depend on threads.
"""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from workbench.clustering.clusterer import Clustering, HalfStep
from workbench.clustering.lloyd import costliest, stride_of, warn_of_empty
from workbench.clustering.metric import own_costs
from workbench.jit.threads import divide, meeting, thread_count

STEPS = 32  # at a time; between them Python notes the history, and an interrupt is heeded
SHARD = 4096  # points in a shard, unless there would be too many
SHARDS = 32
NARROW = 4  # up to so many features the copy into a panel is compiled for that number
GOING, SETTLED, STILL, EMPTY = range(4)  # why a run of steps ended

_LINE = 8  # float64 in a line of the cache


def constants(*arguments):
    raise NotImplementedError("bound to intrinsics, as are all names below, and to numbers")


address_of = at = barrier = lowest_bit = transpose = nearest_a = nearest_b = nearest_c = constants
WIDTH = BYTES = LANES = FEATURES = GROUP_A = GROUP_B = ZERO = 0


def copy_narrow(X, row, rows, mean, panel):
    """Points ``row`` to ``row + rows`` less the mean, feature by feature; what is left of the panel is zero."""
    x, out = at(address_of(X) + row * FEATURES * BYTES), at(panel)
    if rows == WIDTH:
        for j in range(FEATURES):
            for i in range(WIDTH):
                out[j * WIDTH + i] = x[i * FEATURES + j] - mean[j]
    else:
        for j in range(FEATURES):
            for i in range(WIDTH):
                out[j * WIDTH + i] = x[i * FEATURES + j] - mean[j] if i < rows else ZERO


def copy_wide(X, row, rows, mean, panel):
    """The same for any number of features: squares of it are transposed in registers."""
    d = X.shape[1]
    x, out = at(address_of(X) + row * d * BYTES), at(panel)
    tiled = d - d % LANES if rows == WIDTH else 0
    for j in range(0, tiled, LANES):
        for i in range(0, WIDTH, LANES):
            transpose(address_of(X) + ((row + i) * d + j) * BYTES, d, panel + (j * WIDTH + i) * BYTES, WIDTH)
    for j in range(tiled):
        for i in range(WIDTH):
            out[j * WIDTH + i] -= mean[j]
    for j in range(tiled, d):
        for i in range(WIDTH):
            out[j * WIDTH + i] = x[i * d + j] - mean[j] if i < rows else ZERO


def moments(X, mean, sums, squares, arrived, thread, threads):
    """The mean of ``X``, and for each feature the sum of squares about it; the last of these in shard 0."""
    n, d = X.shape
    shards = sums.shape[0]
    counter = address_of(arrived)
    for s in range(thread, shards, threads):
        for i in range(s * n // shards, (s + 1) * n // shards):
            for j in range(d):
                sums[s, j] += X[i, j]
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
        for i in range(s * n // shards, (s + 1) * n // shards):
            for j in range(d):
                squares[s, j] += (X[i, j] - mean[j]) ** 2
    if threads > 1 and not barrier(counter, threads):
        return
    if thread == 0:
        for j in range(d):
            for s in range(1, shards):
                squares[0, j] += squares[s, j]


def iterate(
    X, mean, rounded, centers, packed, norms, group, rooms, found, labels, kept, stride, sums, counts, partial,
    partial_counts, told, inertia, changes, tolerance, last, state, arrived, thread, threads,
):  # fmt: skip
    """Steps from ``centers[0]`` on, until one that is the last; ``last``: one first half only.

    ``state``: how many second halves were done, why it ended. ``changes`` (steps, 2): labels changed in a step, and the
    digest of all. ``inertia`` (steps, 2) lacks what the points alone contribute.
    """
    n, d = X.shape
    k = centers.shape[1]
    shards = partial.shape[0]
    counter = address_of(arrived)
    blocks = norms.size // group
    panels = (n + WIDTH - 1) // WIDTH
    panel = address_of(rooms[thread])
    least = panel + d * WIDTH * BYTES
    at_found = address_of(found[thread])
    for step in range(inertia.shape[0]):
        if thread == 0:
            pack_centers(centers[step], packed, norms, group)
        if threads > 1 and not barrier(counter, threads):
            return
        for s in range(thread, shards, threads):
            moved, hashed = partial[s], partial_counts[s]
            if told[s, 0] != 0:
                moved[:] = 0
                hashed[:] = 0
            changed = 0
            digest = 0
            for p in range(s * panels // shards, (s + 1) * panels // shards):
                row = p * WIDTH
                rows = min(WIDTH, n - row)
                if FEATURES != 0:
                    copy_narrow(X, row, rows, rounded, panel)
                else:
                    copy_wide(X, row, rows, rounded, panel)
                at_labels = address_of(labels) + row * 4
                where = address_of(packed)
                if group == GROUP_A:
                    bits = nearest_a(panel, d, where, address_of(norms), blocks, at_labels, at_found, least, least)
                elif group == GROUP_B:
                    bits = nearest_b(panel, d, where, address_of(norms), blocks, at_labels, at_found, least, least)
                else:
                    bits = nearest_c(panel, d, where, address_of(norms), blocks, at_labels, at_found, least, least)
                if rows < WIDTH:
                    bits &= (1 << rows) - 1
                while bits != 0:
                    i = lowest_bit(bits)
                    bits &= bits - 1
                    old, new = labels[row + i], found[thread, i]
                    labels[row + i] = new
                    changed += 1
                    hashed[new] += 1
                    digest += hash_of(row + i, new)
                    if old < k:
                        hashed[old] -= 1
                        digest -= hash_of(row + i, old)
                        for j in range(d):
                            x = X[row + i, j] - mean[j]
                            moved[new, j] += x
                            moved[old, j] -= x
                    else:
                        for j in range(d):
                            moved[new, j] += X[row + i, j] - mean[j]
            told[s, 0] = changed
            told[s, 1] = digest
            first = (s * panels // shards * WIDTH + stride - 1) // stride * stride
            for i in range(first, min(n, (s + 1) * panels // shards * WIDTH), stride):
                kept[step, i // stride] = labels[i]
        if threads > 1 and not barrier(counter, threads):
            return
        if thread == 0:
            changed = 0
            digest = changes[step, 1]
            for s in range(shards):
                if told[s, 0] != 0:
                    changed += told[s, 0]
                    digest += told[s, 1]
                    for c in range(k):
                        counts[c] += partial_counts[s, c]
                        for j in range(d):
                            sums[c, j] += partial[s, c, j]
            changes[step, 0] = changed
            changes[step, 1] = digest
            if step + 1 < changes.shape[0]:
                changes[step + 1, 1] = digest
            inertia[step, 0] = spread(centers[step], sums, counts)
            state[0] = step
            reason = SETTLED
            if last == 0:
                reason = update(centers[step], centers[step + 1], sums, counts, changed, tolerance)
                if reason != EMPTY:
                    inertia[step, 1] = spread(centers[step + 1], sums, counts)
                    state[0] = step + 1
            state[1] = reason
        if threads > 1 and not barrier(counter, threads):
            return
        if state[1] != 0:
            return


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


def blocked(X: np.ndarray, centers: np.ndarray, max_iter: int, tol: float, threads: int | None) -> Clustering:
    """``lloyd`` with the euclidean metric, the same step by step but for rounding."""
    n, d = X.shape
    k, dtype = len(centers), X.dtype.name
    kernels = _Kernels(dtype, d)
    shards = min(SHARDS, -(-n // SHARD))
    threads = min(thread_count(threads), shards)
    arrived = meeting()

    mean, sums, squares = np.zeros(d), np.zeros((shards, d + _LINE)), np.zeros((shards, d + _LINE))
    divide(lambda thread: kernels.moments(X, mean, sums, squares, arrived, thread, threads), threads, arrived)
    total = float(squares[0, :d].sum())
    tolerance = tol * total / n / d

    stride = stride_of(n)
    labels = np.full(n + kernels.width, k, np.int32)
    group = kernels.group(k)
    blocks = -(-k // group)
    work = {
        "X": X, "mean": mean, "rounded": mean.astype(dtype), "packed": np.zeros(blocks * group * d, dtype),
        "norms": np.full(blocks * group, np.inf, dtype), "group": group,
        "rooms": np.empty((threads, d * kernels.width + 128), dtype), "found": np.empty((threads, 128), np.int32),
        "labels": labels, "stride": stride, "sums": np.zeros((k, d)), "counts": np.zeros(k, np.int64),
        "partial": np.zeros((shards, k, d + _LINE)), "partial_counts": np.zeros((shards, k + _LINE), np.int64),
        "told": np.zeros((shards, _LINE), np.int64), "tolerance": tolerance,
    }  # fmt: skip

    def run(start: np.ndarray, steps: int, digest: int, last: bool) -> tuple:
        path, kept = np.empty((steps + 1, k, d)), np.empty((steps, -(-n // stride)), np.int32)
        inertia, changes, state = np.empty((steps, 2)), np.zeros((steps, 2), np.int64), np.zeros(2, np.int64)
        path[0], changes[0, 1] = start, digest
        given = work | {"centers": path, "kept": kept, "inertia": inertia, "changes": changes, "last": int(last)}
        arguments = [given[name] for name in ITERATE if name in given]
        divide(lambda thread: kernels.iterate(*arguments, state, arrived, thread, threads), threads, arrived)
        return path, kept, inertia + total, changes, int(state[0]), int(state[1])

    history: list[HalfStep] = []
    small = np.min_scalar_type(k)

    def note(step: int, half: str, center: np.ndarray, kept: np.ndarray, inertia: float, changes: np.ndarray) -> None:
        history.append(HalfStep(
            step=step, half=half, inertia=float(inertia), centers=(center + mean).astype(dtype),  # type: ignore[typeddict-item]
            labels=kept.astype(small), stride=stride, digest=int(changes[1]),
            changed=int(changes[0]) if half == "assign" else 0,
        ))  # fmt: skip

    at, step, digest, reason = centers - mean, 0, 0, GOING
    while step < max_iter and reason == GOING:
        path, kept, inertia, changes, done, reason = run(at, min(STEPS, max_iter - step), digest, last=False)
        for i in range(done):
            note(step + i + 1, "assign", path[i], kept[i], inertia[i, 0], changes[i])
            note(step + i + 1, "update", path[i + 1], kept[i], inertia[i, 1], changes[i])
        step, at = step + done, path[done]
        if reason == EMPTY:
            step += 1
            note(step, "assign", at, kept[done], inertia[done, 0], changes[done])
            moved = _reseeded(X, labels[:n], at, mean, work["sums"], work["counts"])
            note(step, "update", moved, kept[done], total + _spread(moved, work["sums"], work["counts"]), changes[done])
            still = float(((moved - at) ** 2).sum()) <= tolerance
            reason = SETTLED if changes[done, 0] == 0 else STILL if still else GOING
            at, done = moved, done + 1
        digest = int(changes[done - 1, 1])
    if reason != SETTLED:
        path, kept, inertia, changes, _, _ = run(at, 1, digest, last=True)
        note(step + 1, "assign", at, kept[0], inertia[0, 0], changes[0])
    warn_of_empty(labels[:n], k)
    return Clustering(labels[:n], (at + mean).astype(dtype), history[-1]["inertia"], step, history)


def _reseeded(
    X: np.ndarray, labels: np.ndarray, centers: np.ndarray, mean: np.ndarray, sums: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """The means, when clusters are empty: as ``lloyd`` does it."""
    sums, counts = sums.copy(), counts.copy()
    empty = np.flatnonzero(counts == 0)
    costs = own_costs(X, (centers + mean).astype(X.dtype), labels, "euclidean")
    for cluster, i in zip(empty, costliest(costs, len(empty)), strict=False):
        point = X[i] - mean
        sums[labels[i]] -= point
        counts[labels[i]] -= 1
        sums[cluster], counts[cluster] = point, 1
    return np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centers)


def _spread(centers: np.ndarray, sums: np.ndarray, counts: np.ndarray) -> float:
    return float((centers * (counts[:, None] * centers - 2 * sums)).sum())


class _Kernels:
    """The machine code for one precision, and for a number of features where there are few."""

    def __init__(self, dtype: str, d: int) -> None:
        from workbench.jit.nearest import group_size, panel_width

        self.width, self.group = panel_width(dtype), group_size
        self.moments, self.iterate = _compiled(dtype, d if d <= NARROW else 0)


MOMENTS = ("X", "mean", "sums", "squares", "arrived", "thread", "threads")
ITERATE = (
    *("X", "mean", "rounded", "centers", "packed", "norms", "group", "rooms", "found", "labels", "kept", "stride"),
    *("sums", "counts", "partial", "partial_counts", "told", "inertia", "changes", "tolerance", "last"),
    *("state", "arrived", "thread", "threads"),
)


@functools.cache
def _compiled(dtype: str, features: int) -> tuple[Any, Any]:
    from numba import from_dtype, types

    from workbench.jit import intrinsics, specialise
    from workbench.jit.blocks import AT
    from workbench.jit.microkernels import SIZE, VECTOR_BYTES, transpose_tile
    from workbench.jit.nearest import GROUPS, lowest_bit, nearest_panel, panel_width
    from workbench.jit.threads import barrier

    number, word = from_dtype(np.dtype(dtype)), types.int64
    X = types.Array(number, 2, "C", readonly=True)
    table, vector, table64 = number[:, ::1], number[::1], types.float64[:, ::1]
    vector64, words, pairs = types.float64[::1], types.int64[::1], types.int64[:, ::1]
    labels = types.int32[:, ::1]
    bind = {
        "address_of": intrinsics.address_of, "at": AT[dtype], "barrier": barrier, "lowest_bit": lowest_bit,
        "transpose": transpose_tile(dtype), "WIDTH": panel_width(dtype), "BYTES": SIZE[dtype],
        "LANES": VECTOR_BYTES // SIZE[dtype], "FEATURES": features, "ZERO": np.dtype(dtype).type(0),
        "GROUP_A": GROUPS[0], "GROUP_B": GROUPS[1],
        **{f"nearest_{letter}": nearest_panel(dtype, g, False) for letter, g in zip("abc", GROUPS, strict=True)},
    }  # fmt: skip

    def build(name: str, function: Any, arguments: tuple[str, ...], *kinds: Any) -> Any:
        source = f"def kernel({', '.join(arguments)}):\n    steps({', '.join(arguments)})\n"
        functions = {"steps": (function, bind)}
        signature = types.void(*kinds)
        return specialise(f"kmeans_{name}_{dtype}", source, signature, functions, {}, dtype, kind="njit", owner="k-means")

    return (
        build("moments", moments, MOMENTS, X, vector64, table64, table64, words, word, word),
        build(
            f"steps_{features or 'any'}", iterate, ITERATE,
            X, vector64, vector, types.float64[:, :, ::1], vector, vector, word, table, labels, types.int32[::1], labels,
            word, table64, words, types.float64[:, :, ::1], pairs, pairs, table64, pairs, types.float64, word,
            words, words, word, word,
        ),
    )  # fmt: skip
