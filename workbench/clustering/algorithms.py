"""Which way to carry out k-means: all give the same clustering, but not equally fast."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from workbench.clustering.lloyd import lloyd
from workbench.clustering.result import Clustering
from workbench.compiler import compiler_is_off
from workbench.errors import ConfigError, did_you_mean
from workbench.registry import registry

if TYPE_CHECKING:
    from workbench.clustering.euclidean import Bounds

ALGORITHMS = ("lloyd", "blocked", "hamerly")
SMALL = 2**18  # products of coordinates in a step
WIDE, MUCH = 16, 640  # features, and features times clusters, from which on bounds pay


def partition(
    X: np.ndarray,
    centers: np.ndarray,
    metric: str = "euclidean",
    algorithm: str = "auto",
    max_iter: int = 300,
    tol: float = 1e-4,
    threads: int | None = None,
) -> Clustering:
    """k-means from ``centers`` (n_clusters, n_features) on; see ``lloyd`` for its steps and its end.

    ``algorithm``: ``lloyd`` computes every cost by the metric itself, for any metric; ``blocked`` compares panels of
    points with blocks of centres as a matrix product does; ``hamerly`` leaves out of that what the triangle inequality
    settles. The last two are for metrics that are ``squared_euclidean``, and need the compiler. ``auto`` chooses by
    shape and size, and turns from ``blocked`` to ``hamerly`` on the way where that pays. Raises
    ``ConfigError`` for another one, or one that cannot be had.
    """
    fast = registry().get("metric", metric).squared_euclidean
    compiled = not compiler_is_off()
    if algorithm == "auto":
        algorithm, bounds = choose(len(X), X.shape[1], len(centers)) if fast and compiled else ("lloyd", "never")
    else:
        bounds = "always" if algorithm == "hamerly" else "never"
    if algorithm not in ALGORITHMS:
        raise ConfigError(f"no algorithm is named {algorithm!r}{did_you_mean(algorithm, ('auto', *ALGORITHMS))}")
    if algorithm == "lloyd":
        return lloyd(X, centers, metric, max_iter, tol, threads)
    if not fast:
        raise ConfigError(
            f"algorithm {algorithm!r} is for squared Euclidean costs; with metric {metric!r} take 'lloyd'."
        )
    if not compiled:
        raise ConfigError(f"algorithm {algorithm!r} is machine code, which NUMBA_DISABLE_JIT forbids; take 'lloyd'.")
    from workbench.clustering.euclidean import euclidean

    return euclidean(X, centers, metric, max_iter, tol, bounds, threads)


def choose(n: int, d: int, k: int) -> tuple[str, Bounds]:
    """What is fastest for so many points, features and clusters, if their cost is the squared Euclidean distance.

    A step of few points is over in half a millisecond anyway, and plain Lloyd's small kernels are compiled in a
    third of the time. Bounds cost a pass over the points one by one, which many features and many centres repay.
    """
    if n * d * k < SMALL:
        return "lloyd", "never"
    return "blocked", "late" if d >= WIDE and d * k >= MUCH else "never"
