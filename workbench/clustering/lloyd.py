"""Lloyd's algorithm: points to their nearest centres, centres to the middle of their points, until nothing changes."""

from __future__ import annotations

import warnings

import numpy as np

from workbench.clustering.metric import centers_of, nearest, own_costs
from workbench.clustering.result import Clustering, Half, HalfStep

KEPT = 10_000  # labels that a half-step of the history keeps


def lloyd(
    X: np.ndarray, centers: np.ndarray, metric: str, max_iter: int, tol: float, threads: int | None = None
) -> Clustering:
    """Alternate between both halves of a step from ``centers`` on; Lloyd (1957, published 1982).

    It ends after a step that changed no label, after ``max_iter`` steps, or when the centres moved by no more than
    ``tol`` (the sum of their squared moves, in units of the features' mean variance: scikit-learn's rule); then the
    points are assigned once more. An empty cluster takes over the point that costs most, the next one the next; where
    no point costs anything, it keeps its centre.
    """
    tolerance = tol * float(np.mean(np.var(X, axis=0, dtype=np.float64))) if tol else 0.0
    history: list[HalfStep] = []
    labels = np.full(len(X), -1, np.int32)
    settled = False
    for step in range(1, max_iter + 1):
        before, (labels, costs) = labels, nearest(X, centers, metric, threads)
        changed = int(np.count_nonzero(labels != before))
        history.append(half_step(step, "assign", centers, labels, float(costs.sum(dtype=np.float64)), changed))
        taken = reseed(labels, costs, len(centers))
        moved = centers_of(X, labels, len(centers), metric)
        moved = np.where(np.isnan(moved), centers, moved)
        costs = own_costs(X, moved, labels, metric, threads)
        history.append(half_step(step, "update", moved, labels, float(costs.sum(dtype=np.float64)), len(taken)))
        shift = float(((moved.astype(np.float64) - centers) ** 2).sum())
        centers = moved
        settled = changed == 0
        if settled or shift <= tolerance:
            break
    if not settled:
        before, (labels, costs) = labels, nearest(X, centers, metric, threads)
        changed = int(np.count_nonzero(labels != before))
        history.append(half_step(step + 1, "assign", centers, labels, float(costs.sum(dtype=np.float64)), changed))
    warn_of_empty(count_clusters(labels), len(centers))
    return Clustering(labels, centers, history[-1]["inertia"], step, history, metric)


def stride_of(n: int) -> int:
    """Of ``n`` labels a half-step of the history keeps every so many."""
    return -(-n // KEPT)


def half_step(step: int, half: Half, centers: np.ndarray, labels: np.ndarray, inertia: float, changed: int) -> HalfStep:
    """An entry of the history; labels are kept in the smallest type that holds them."""
    stride = stride_of(len(labels))
    kept = labels[::stride].astype(np.min_scalar_type(len(centers)))
    return HalfStep(
        step=step, half=half, inertia=inertia, centers=centers, labels=kept, stride=stride,
        digest=digest(labels), changed=changed,
    )  # fmt: skip


def digest(labels: np.ndarray) -> int:
    """A number made of all labels, in whatever order they are looked at: the sum of a hash of each with its place."""
    total, mask = 0, (1 << 64) - 1
    for start in range(0, len(labels), 2**16):
        part = labels[start : start + 2**16].astype(np.uint64)
        place = np.arange(start, start + len(part), dtype=np.uint64)
        hashed = place * np.uint64(0x9E3779B97F4A7C15) + part * np.uint64(0xC2B2AE3D27D4EB4F)
        hashed = (hashed ^ (hashed >> np.uint64(32))) * np.uint64(0xD6E8FEB86659FD93)
        total = (total + int(hashed.sum())) & mask
    return total - (1 << 64) if total >> 63 else total


def count_clusters(labels: np.ndarray) -> int:
    """How many different labels there are, besides noise; sorts nothing and copies no more than a part."""
    counts = np.zeros(int(labels.max(initial=0)) + 2, np.int64)  # noise first
    for start in range(0, len(labels), 2**16):
        counts += np.bincount(labels[start : start + 2**16] + 1, minlength=len(counts))
    return int(np.count_nonzero(counts[1:]))


def warn_of_empty(found: int, n_clusters: int) -> None:
    """Say it where there are fewer clusters than were asked for."""
    from sklearn.exceptions import ConvergenceWarning

    if found < n_clusters:
        message = f"only {found} of {n_clusters} clusters have points: there are not more different points."
        warnings.warn(message, ConvergenceWarning, stacklevel=2)


def reseed(labels: np.ndarray, costs: np.ndarray, n_clusters: int) -> np.ndarray:
    """Give each empty cluster, in ``labels``, the point that costs most of those left; which points they are.

    None where no point costs anything.
    """
    empty = np.flatnonzero(np.bincount(labels, minlength=n_clusters) == 0)
    if not empty.size or costs.max() == 0:
        return empty[:0]
    taken = np.argsort(-costs, kind="stable")[: empty.size]
    labels[taken] = empty[: taken.size]
    return taken
