"""Euclidean k-means in machine code: sets up what the steps work on, runs them, and writes their history down."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from workbench.clustering import steps
from workbench.clustering.lloyd import costliest, stride_of, warn_of_empty
from workbench.clustering.metric import own_costs
from workbench.clustering.result import Clustering, HalfStep
from workbench.clustering.steps import EMPTY, GOING, SETTLED, STILL
from workbench.clustering.steps import SPARE as LINE
from workbench.jit.threads import divide, meeting, thread_count

AT_ONCE = 32  # steps; between them Python notes the history, and an interrupt is heeded
SHARD = 4096  # points in a shard, unless there would be too many
SHARDS = 32
PANELS = 2**14  # bytes of panels copied at a time: half of a first-level cache
BATCH = 16  # panels at most
NARROW = 4  # up to so many features the steps are compiled for that number


def euclidean(
    X: np.ndarray, centers: np.ndarray, metric: str, max_iter: int, tol: float, bounded: bool, threads: int | None
) -> Clustering:
    """``lloyd`` with a metric whose cost is the squared Euclidean distance, the same step by step but for rounding.

    ``bounded``: leave out comparisons that the triangle inequality settles, which changes no bit of the result.
    """
    n, d = X.shape
    k, dtype = len(centers), X.dtype.name
    kernels = _Kernels(dtype, d, bounded)
    shards = min(SHARDS, -(-n // SHARD))
    threads = min(thread_count(threads), shards)
    arrived = meeting()

    mean, sums, squares = np.zeros(d), np.zeros((shards, d + LINE)), np.zeros((shards, d + LINE))
    divide(lambda thread: kernels.moments(X, mean, sums, squares, arrived, thread, threads), threads, arrived)
    total = float(squares[0, :d].sum())
    tolerance = tol * total / n / d

    stride = stride_of(n)
    labels = np.full(n + kernels.width, k, np.int32)
    group = kernels.group(k)
    blocks = -(-k // group)
    batch = 1 if bounded else max(1, min(BATCH, PANELS // (d * kernels.width * X.itemsize)))
    work = {
        "X": X, "mean": mean, "rounded": mean.astype(dtype), "packed": np.zeros(blocks * group * d, dtype),
        "norms": np.full(blocks * group, np.inf, dtype), "group": group,
        "batch": batch, "rooms": np.empty((threads, (batch * d + 8) * kernels.width), dtype),
        "found": np.empty((threads, 128), np.int32),
        "labels": labels, "stride": stride, "sums": np.zeros((k, d)), "counts": np.zeros(k, np.int64),
        "partial": np.zeros((shards, k, d + LINE)), "partial_counts": np.zeros((shards, k + LINE), np.int64),
        "told": np.zeros((shards, LINE), np.int64), "tolerance": tolerance,
    }  # fmt: skip
    if bounded:
        bounds = {"near": (k, d), "drift": (k + 1, 2), "upper": n, "lower": n}
        work |= {name: np.zeros(shape, dtype) for name, shape in bounds.items()}

    def run(start: np.ndarray, count: int, digest: int, last: bool) -> tuple:
        path, kept = np.empty((count + 1, k, d)), np.empty((count, -(-n // stride)), np.int32)
        inertia, changes, state = np.zeros((count, 2)), np.zeros((count, 2), np.int64), np.zeros(2, np.int64)
        path[0], changes[0, 1] = start, digest
        given = work | {"centers": path, "kept": kept, "inertia": inertia, "changes": changes, "last": int(last)}
        arguments = [given[name] for name in kernels.arguments if name in given]
        divide(lambda thread: kernels.steps(*arguments, state, arrived, thread, threads), threads, arrived)
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
        path, kept, inertia, changes, done, reason = run(at, min(AT_ONCE, max_iter - step), digest, last=False)
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
    warn_of_empty(int(np.count_nonzero(work["counts"])), k)
    return Clustering(labels[:n], (at + mean).astype(dtype), history[-1]["inertia"], step, history, metric)


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

    def __init__(self, dtype: str, d: int, bounded: bool) -> None:
        from workbench.jit.nearest import group_size, panel_width

        self.width, self.group = panel_width(dtype), group_size
        self.arguments = BOUNDED if bounded else ALL
        self.moments, self.steps = _compiled(dtype, d if d <= NARROW and not bounded else 0, bounded)


MOMENTS = ("X", "mean", "sums", "squares", "arrived", "thread", "threads")
WORK = (
    *("X", "mean", "rounded", "centers", "packed", "norms", "group", "batch", "rooms", "found", "labels", "kept"),
    *("stride", "sums", "counts", "partial", "partial_counts", "told", "inertia", "changes", "tolerance", "last"),
)
CALL = ("state", "arrived", "thread", "threads")
ALL = (*WORK, *CALL)
BOUNDED = (*WORK, "near", "drift", "upper", "lower", *CALL)


@functools.cache
def _compiled(dtype: str, features: int, bounded: bool) -> tuple[Any, Any]:
    """The kernels for the moments and the steps; ``features`` 0: of any number."""
    from numba import from_dtype, types

    from workbench.jit import intrinsics, specialise
    from workbench.jit.blocks import AT
    from workbench.jit.microkernels import SIZE, VECTOR_BYTES
    from workbench.jit.nearest import GROUPS, copy_tile, lowest_bit, nearest_panel, panel_width
    from workbench.jit.threads import barrier

    lanes = VECTOR_BYTES // SIZE[dtype]
    columns, epsilon = features or lanes, np.finfo(dtype).eps
    number, word = from_dtype(np.dtype(dtype)), types.int64
    cube, table64, pairs = types.float64[:, :, ::1], types.float64[:, ::1], types.int64[:, ::1]
    table, vector, vector64, words = number[:, ::1], number[::1], types.float64[::1], types.int64[::1]
    kinds = {
        "X": types.Array(number, 2, "C", readonly=True), "mean": vector64, "rounded": vector, "centers": cube,
        "packed": vector, "norms": vector, "group": word, "batch": word, "rooms": table, "found": types.int32[:, ::1],
        "labels": types.int32[::1], "kept": types.int32[:, ::1], "stride": word, "sums": table64, "counts": words,
        "partial": cube, "partial_counts": pairs, "told": pairs, "inertia": table64, "changes": pairs,
        "tolerance": types.float64, "last": word, "near": table, "drift": table, "upper": vector, "lower": vector,
        "state": words, "arrived": words, "thread": word, "threads": word, "squares": table64,
    }  # fmt: skip
    meet = {"address_of": intrinsics.address_of, "barrier": barrier}
    bind = meet | {
        "at": AT[dtype], "lowest_bit": lowest_bit,
        "copy_tile": copy_tile(dtype, columns), "WIDTH": panel_width(dtype), "BYTES": SIZE[dtype],
        "LANES": lanes, "COLUMNS": columns, "FEATURES": features, "GROUP_A": GROUPS[0], "GROUP_B": GROUPS[1],
        "ZERO": np.dtype(dtype).type(0), "EPSILON": epsilon, "UP": 1 + 2 * epsilon, "DOWN": 1 - 2 * epsilon,
    }  # fmt: skip
    for letter, size in zip("abc", GROUPS, strict=True):
        bind[f"nearest_{letter}"] = nearest_panel(dtype, size, second=False, features=features)
        bind[f"next_{letter}"] = nearest_panel(dtype, size, second=True)

    def build(name: str, template: Any, arguments: tuple[str, ...], bind: dict[str, Any]) -> Any:
        listed = ", ".join(arguments)
        source = f"def kernel({listed}):\n    steps({listed})\n"
        signature = types.void(*(kinds[argument] for argument in arguments))
        functions = {"steps": (template, bind)}
        return specialise(
            f"kmeans_{name}_{dtype}", source, signature, functions, {}, dtype, kind="njit", owner="k-means"
        )

    first = build("moments", steps.moments, MOMENTS, meet)
    if bounded:
        return first, build("bounded", steps.compare_bounded, BOUNDED, bind)
    return first, build(f"all_{features or 'd'}", steps.compare_all, ALL, bind)
