"""Mini-batch k-means: centres move with every handful of points, each by less the more it has seen. Sculley (2010)."""

from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from workbench import Clustering, clusterer, hookimpl


def mini_batch_kmeans(
    X,
    rng,
    *,
    n_clusters: Annotated[int, Ge(1)] = 8,
    init: Any = "k-means++",
    batch_size: Annotated[int, Ge(1)] = 1024,
    max_iter: Annotated[int, Ge(1)] = 100,
    patience: Annotated[int, Ge(1)] = 10,
):
    """k-means on ``batch_size`` points at a time, passed over at most ``max_iter`` times.

    Points come in a new order every time. It ends when the cost of a batch, smoothed over one pass, has not fallen for
    ``patience`` batches. The centres are the means of all points they were ever given.
    """
    found, smoothed, least, waited = None, None, np.inf, 0
    batches = -(-len(X) // batch_size)
    weight = 2 / (batches + 1)  # of the latest batch, in the smoothed cost
    for _ in range(max_iter):
        order = rng.permutation(len(X))
        for batch in np.array_split(order, batches):
            found = partial_fit(X[batch], found, rng, n_clusters=n_clusters, init=init, start=X)
            cost = found.inertia / len(batch)
            smoothed = cost if smoothed is None else (1 - weight) * smoothed + weight * cost
            waited = 0 if smoothed < least else waited + 1
            least = min(least, smoothed)
            if waited == patience:
                break
        if waited == patience:
            break
    return settled(X, found)


def partial_fit(X, so_far, rng, *, n_clusters, init, start=None, **others):
    """One batch: its points go to their nearest centres, and each centre to the mean of all it was ever given.

    The first one chooses the centres, among the points of ``start`` or its own. ``inertia`` is that of the batch, to
    the centres as they were.
    """
    from workbench.clustering.metric import nearest
    from workbench.clustering.seeding import initial_centers

    if so_far is None:
        centers = initial_centers(X if start is None else start, n_clusters, init, "euclidean", rng)
        so_far = Clustering(np.empty(0, np.int32), centers, n_iter=0, attributes={"counts": np.zeros(n_clusters)})
    labels, costs = nearest(X, so_far.centers.astype(X.dtype), "euclidean")
    counts = so_far.attributes["counts"] + np.bincount(labels, minlength=n_clusters)
    sums = np.stack([np.bincount(labels, x, minlength=n_clusters) for x in X.T], axis=1)
    sums += so_far.attributes["counts"][:, None] * so_far.centers
    centers = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], so_far.centers)
    return Clustering(labels, centers, float(costs.sum()), so_far.n_iter + 1, attributes={"counts": counts})


def settled(X, found):
    """The same centres, with labels and inertia of all points."""
    from workbench.clustering.metric import nearest

    centers = found.centers.astype(X.dtype)
    labels, costs = nearest(X, centers, "euclidean")
    return replace(found, labels=labels, centers=centers, inertia=float(costs.sum(dtype=np.float64)))


@hookimpl
def register_clusterers():
    return [clusterer("mini_batch_kmeans", mini_batch_kmeans, centers=True, partial_fit=partial_fit)]
