"""Euclidean k-means in machine code: sets up what the steps work on, runs them, and writes their history down."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.clustering import steps
from workbench.clustering.lloyd import half_step, reseed, stride_of, warn_of_empty
from workbench.clustering.metric import own_costs
from workbench.clustering.result import Clustering, Half, HalfStep
from workbench.clustering.steps import DONE, EMPTY, FINISHED, GOING, REASON, SETTLED, STILL
from workbench.clustering.steps import SPARE as LINE
from workbench.jit.threads import divide, meeting, thread_count

Bounds = Literal["never", "always", "late"]
LATE, FEW = 0.02, 4  # labels change late once less than this part of them does; asked every so many steps
AT_ONCE = 32  # steps; between them Python notes the history, and an interrupt is heeded
SHARD = 4096  # points in a shard, unless there would be too many
SHARDS = 32
PANELS = 2**14  # bytes of panels copied at a time: half of a first-level cache
BATCH = 16  # panels at most
NARROW = 4  # up to so many features the steps are compiled for that number


def euclidean(
    X: np.ndarray, centers: np.ndarray, metric: str, max_iter: int, tol: float, bounds: Bounds, threads: int | None
) -> Clustering:
    """``lloyd`` with a metric whose cost is the squared Euclidean distance, the same step by step but for rounding.

    ``bounds`` leave out comparisons that the triangle inequality settles, which changes no bit of the result: in every
    step, or from when on labels are ``late`` to change, since before that they settle little.
    """
    return _Run(X, centers, metric, tol, bounds, threads).until(max_iter)


@dataclass
class _Part:
    """Some steps: centres before each and after the last, labels kept, and what each half came to."""

    path: np.ndarray
    kept: np.ndarray
    inertia: np.ndarray
    changes: np.ndarray
    done: int
    reason: int


class _Run:
    """One clustering on its way. Centres are kept about the mean of the points, in float64."""

    def __init__(
        self, X: np.ndarray, centers: np.ndarray, metric: str, tol: float, bounds: Bounds, threads: int | None
    ) -> None:
        n, d = X.shape
        k, dtype = len(centers), X.dtype.name
        self.X, self.metric, self.bounds = X, metric, bounds
        self.kernels = _Kernels(dtype, d, bounded=bounds == "always")
        width, group = self.kernels.width, self.kernels.group(k)
        shards = min(SHARDS, -(-n // SHARD))
        self.threads = min(thread_count(threads), shards)
        self.arrived = meeting()
        self.mean, self.total = self._moments(shards)
        self.tolerance = tol * self.total / n / d
        self.labels = np.full(n + width, k, np.int32)
        self.sums, self.counts = np.zeros((k, d)), np.zeros(k, np.int64)
        self.centers, self.digest = centers - self.mean, 0
        self.history: list[HalfStep] = []
        blocks, batch = -(-k // group), max(1, min(BATCH, PANELS // (d * width * X.itemsize)))
        self.work: dict[str, Any] = {
            "X": X, "mean": self.mean, "rounded": self.mean.astype(dtype), "labels": self.labels,
            "packed": np.zeros(blocks * group * d, dtype), "norms": np.full(blocks * group, np.inf, dtype),
            "group": group, "batch": batch, "stride": stride_of(n), "tolerance": self.tolerance,
            "rooms": np.empty((self.threads, (batch * d + 8) * width), dtype),
            "found": np.empty((self.threads, 128), np.int32), "sums": self.sums, "counts": self.counts,
            "partial": np.zeros((shards, k, d + LINE)), "partial_counts": np.zeros((shards, k + LINE), np.int64),
            "told": np.zeros((shards, LINE), np.int64),
        }  # fmt: skip
        if bounds != "never":
            self.work |= {"near": np.zeros((k, d), dtype), "drift": np.zeros((k + 1, 2), dtype)}
            # nothing is known yet
            self.work |= {"upper": np.full(n, np.inf, dtype), "lower": np.zeros(n, dtype)}

    def _moments(self, shards: int) -> tuple[np.ndarray, float]:
        """The mean of the points, and the sum of their squares about it."""
        d = self.X.shape[1]
        mean, sums, squares = np.zeros(d), np.zeros((shards, d + LINE)), np.zeros((shards, d + LINE))
        given = self.X, mean, sums, squares, self.arrived
        divide(lambda thread: self.kernels.moments(*given, thread, self.threads), self.threads, self.arrived)
        return mean, float(squares[0, :d].sum())

    def until(self, max_iter: int) -> Clustering:
        """Steps until one that is the last, and what they came to."""
        step, reason = 0, GOING
        while reason not in (SETTLED, FINISHED):
            count = min(FEW if self._may_turn_to_bounds else AT_ONCE, max_iter - step)
            part = self._steps(count, count == max_iter - step)
            for i in range(part.done):
                self._note(step + i + 1, "assign", part.path[i], part, i)
                self._note(step + i + 1, "update", part.path[i + 1], part, i)
            step, reason, self.centers = step + part.done, part.reason, part.path[part.done]
            if reason == FINISHED:
                self._note(step + 1, "assign", self.centers, part, part.done)
            elif reason == EMPTY:
                step += 1
                reason = self._reseed(step, part)
                max_iter = step if reason == STILL else max_iter  # then only the first half of one more is left
            changed = next(each["changed"] for each in reversed(self.history) if each["half"] == "assign")
            self.digest = self.history[-1]["digest"]
            if self._may_turn_to_bounds and changed < LATE * len(self.X):
                self.kernels = _Kernels(self.X.dtype.name, self.X.shape[1], bounded=True)
        warn_of_empty(int(np.count_nonzero(self.counts)), len(self.counts))
        found = self.history[-1]
        labels = self.labels[: len(self.X)]
        return Clustering(labels, found["centers"], found["inertia"], step, self.history, self.metric)

    @property
    def _may_turn_to_bounds(self) -> bool:
        return self.bounds == "late" and not self.kernels.bounded

    def _steps(self, count: int, finish: bool) -> _Part:
        """So many steps; ``finish`` with a first half."""
        n, stride, state = len(self.X), self.work["stride"], np.array([0, GOING, count if finish else -1])
        path, kept = np.empty((count + 1, *self.centers.shape)), np.empty((count + 1, -(-n // stride)), np.int32)
        inertia, changes = np.zeros((count + 1, 2)), np.zeros((count + 1, 2), np.int64)
        path[0], changes[0, 1] = self.centers, self.digest
        given = self.work | {"centers": path, "kept": kept, "inertia": inertia, "changes": changes}
        given |= {"state": state, "arrived": self.arrived}
        *arguments, _, _ = (given.get(name) for name in self.kernels.arguments)
        divide(lambda thread: self.kernels.steps(*arguments, thread, self.threads), self.threads, self.arrived)
        kept = kept.astype(np.min_scalar_type(len(self.centers)))
        return _Part(path, kept, inertia + self.total, changes, int(state[DONE]), int(state[REASON]))

    def _note(self, step: int, half: Half, centers: np.ndarray, part: _Part, row: int) -> None:
        changed, digest = part.changes[row].tolist()
        first = half == "assign"
        self.history.append(HalfStep(
            step=step, half=half, inertia=float(part.inertia[row, 0 if first else 1]), digest=digest,
            centers=self._places(centers), stride=self.work["stride"], labels=part.kept[row],
            changed=changed if first else 0,
        ))  # fmt: skip

    def _reseed(self, step: int, part: _Part) -> int:
        """The second half of a step that left clusters empty, as ``lloyd`` does it; why to end now, if so."""
        before, row, labels = self.centers, part.done, self.labels[: len(self.X)]
        self._note(step, "assign", before, part, row)
        old = labels.copy()
        costs = own_costs(self.X, self._places(before), labels, self.metric, self.threads)
        taken = reseed(labels, costs, len(before))
        for i in taken:
            point = self.X[i] - self.mean
            self.sums[old[i]] -= point
            self.counts[old[i]] -= 1
            self.sums[labels[i]] += point
            self.counts[labels[i]] += 1
        counts = self.counts[:, None]
        self.centers = np.where(counts > 0, self.sums / np.maximum(counts, 1), before)
        spread = (self.centers * (counts * self.centers - 2 * self.sums)).sum()
        inertia = self.total + float(spread)
        self.history.append(half_step(step, "update", self._places(self.centers), labels, inertia, len(taken)))
        if self.bounds != "never":  # they were those of other labels
            self.work["upper"][taken], self.work["lower"][taken] = np.inf, 0
        if part.changes[row, 0] == 0:
            return SETTLED
        return STILL if float(((self.centers - before) ** 2).sum()) <= self.tolerance else GOING

    def _places(self, centers: np.ndarray) -> np.ndarray:
        """Centres as the points have them."""
        return (centers + self.mean).astype(self.X.dtype)


class _Kernels:
    """The machine code for one precision, and for a number of features where there are few."""

    def __init__(self, dtype: str, d: int, bounded: bool) -> None:
        from workbench.jit.nearest import group_size, panel_width

        self.width, self.group, self.bounded = panel_width(dtype), group_size, bounded
        self.arguments = BOUNDED if bounded else ALL
        self.moments, self.steps = _compiled(dtype, d if d <= NARROW and not bounded else 0, bounded)


MOMENTS = ("X", "mean", "sums", "squares", "arrived", "thread", "threads")
WORK = (
    *("X", "mean", "rounded", "centers", "packed", "norms", "group", "batch", "rooms", "found", "labels", "kept"),
    *("stride", "sums", "counts", "partial", "partial_counts", "told", "inertia", "changes", "tolerance"),
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
        "tolerance": types.float64, "near": table, "drift": table, "upper": vector, "lower": vector,
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
