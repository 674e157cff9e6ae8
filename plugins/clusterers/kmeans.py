"""k-means: every point belongs to the nearest centre, every centre is the middle of its points; rows K1 and K2."""

from typing import Annotated, Any, Literal

from annotated_types import Ge

from workbench import clusterer, hookimpl

INITIALISATIONS = 10  # of random centres, where n_init is left open


def kmeans(
    X,
    rng,
    *,
    n_clusters: Annotated[int, Ge(1)] = 8,
    init: Any = "k-means++",
    n_init: Annotated[int, Ge(1)] | Literal["auto"] = "auto",
    metric: str = "euclidean",
    algorithm: str = "auto",
    max_iter: Annotated[int, Ge(1)] = 300,
    tol: Annotated[float, Ge(0)] = 1e-4,
    threads: Annotated[int, Ge(1)] | None = None,
):
    """Partition into ``n_clusters`` around centres, each the middle of its points by the ``metric``'s own rule.

    ``init``: ``k-means++``, ``random`` points, or the centres themselves, (n_clusters, n_features). The best of
    ``n_init`` starts is taken; ``auto``: 10 from random points, else 1. ``algorithm``: ``lloyd``, ``blocked`` or
    ``hamerly``, which differ in speed alone; ``auto`` chooses by metric and shape. It stops when no label changes,
    after ``max_iter`` steps, or when the centres move by no more than ``tol``, the sum of their squared moves in units
    of the features' mean variance. A cluster left without points takes the point that costs most. ``history_`` has
    every half-step. ``threads``, null for as many as there are cores, change no bit.
    """
    from workbench.clustering.algorithms import partition
    from workbench.clustering.seeding import initial_centers

    if n_init == "auto":
        n_init = INITIALISATIONS if isinstance(init, str) and init == "random" else 1
    if n_init > 1 and not isinstance(init, str):
        n_init = 1  # all would be the same
    starts = (initial_centers(X, n_clusters, init, metric, rng, threads) for _ in range(n_init))
    found = (partition(X, centers, metric, algorithm, max_iter, tol, threads) for centers in starts)
    return min(found, key=lambda clustering: clustering.inertia)


@hookimpl
def register_clusterers():
    return [clusterer("kmeans", kmeans, centers=True)]
