"""k-medoids: the centres are points themselves, those with the least total distance of all points to them.

Kaufman and Rousseeuw, "Clustering by means of medoids" (1987), known as PAM; swaps by Schubert and Rousseeuw, "Fast and
eager k-medoids clustering" (2021).
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from workbench import Clustering, clusterer, hookimpl
from workbench.clustering.lloyd import count_clusters, warn_of_empty
from workbench.clustering.metric import nearest
from workbench.errors import ConfigError
from workbench.plugins.clusterers._pairwise import check_pairs, pairwise

ELEMENTS = 2**20  # distances looked at for one swap; up to 1024 points that is all of them
ROUNDING = 1e-12  # of the total distance; a gain smaller than that may be none, and be undone for ever


def kmedoids(
    X,
    rng,
    *,
    n_clusters: Annotated[int, Ge(1)] = 8,
    metric: str = "euclidean",
    init: Literal["build", "k-means++", "random"] | np.ndarray | Sequence[Annotated[int, Ge(0)]] = "k-means++",
    max_iter: Annotated[int, Ge(1)] = 300,
):
    """Points as centres such that no swap of one for another point lessens the total distance to the nearest.

    ``init``: ``build`` takes one point after the other, that which lessens the distance most (PAM's, the best and the
    slowest); ``k-means++`` draws each in proportion to its distance from those before; ``random`` any; or the indices
    of the points. Candidates are then tried in portions, the best swap of each is made, and ``max_iter`` passes over
    all of them are made at most; up to 1024 points are one portion, so that each swap is the best there is, as in PAM.
    ``inertia_`` is the total distance, ``medoid_indices_`` which points the centres are. Of centres at one place the
    first gets the points. Holds 8 n² bytes; ``DataError`` for more than 16,384 points.
    """
    distance = pairwise(X, metric)
    medoids = first_medoids(distance, n_clusters, init, rng)
    for n_iter in range(1, max_iter + 1):  # noqa: B007 - it is returned
        if not swap(distance, medoids):
            break
    centers = X[medoids]
    labels, _ = nearest(X, centers, metric)
    warn_of_empty(count_clusters(labels), n_clusters)
    inertia = float(distance[medoids].min(axis=0).sum())
    found = {"medoid_indices": medoids}
    return Clustering(labels, centers, inertia, n_iter, metric=metric, adds="distance", attributes=found)


def swap(distance, medoids):
    """Let candidates take the places of ``medoids``, in a pass over all of them; whether any did."""
    swapped = False
    for rows in portions(len(distance)):
        total, change = changes(distance[rows], distance[medoids])
        candidate, replaced = np.unravel_index(change.argmin(), change.shape)
        if change[candidate, replaced] < -ROUNDING * total:
            medoids[replaced] = rows.start + candidate
            swapped = True
    return swapped


def changes(candidates, medoids):
    """The total distance, and by how much it changes where a candidate takes a medoid's place: (n_candidates, k).

    ``candidates`` (n_candidates, n_samples) and ``medoids`` (k, n_samples) are the distances of all points from them.
    """
    cluster, first = medoids.argmin(axis=0), medoids.min(axis=0)
    second = np.partition(medoids, 1, axis=0)[1] if len(medoids) > 1 else np.inf
    here = np.minimum(candidates, first)  # of a point whose medoid stays
    bereft = np.minimum(candidates, second) - here  # what it costs beyond that where its medoid goes
    joining = (here - first).sum(axis=1)
    change = [joining + bereft[:, cluster == i].sum(axis=1) for i in range(len(medoids))]
    return first.sum(), np.stack(change, axis=1)


def first_medoids(distance, n_clusters, init, rng):
    """Indices of so many different points to begin with. Raises ``ConfigError`` for given ones that are not that."""
    n = len(distance)
    if not isinstance(init, str):
        return given(np.asarray(init), n_clusters, n)
    if init == "random":
        return rng.choice(n, n_clusters, replace=False)
    medoids: list[int] = []
    least = np.full(n, np.inf)
    for _ in range(n_clusters):
        if init == "build":
            total = np.concatenate([np.minimum(distance[rows], least).sum(axis=1) for rows in portions(n)])
            total[medoids] = np.inf
            medoids.append(int(total.argmin()))
        else:
            weight = least.copy() if medoids else np.ones(n)
            weight[medoids] = 0
            if not weight.any():  # every place is a medoid's already
                weight = np.ones(n)
                weight[medoids] = 0
            medoids.append(int(rng.choice(n, p=weight / weight.sum())))
        least = np.minimum(least, distance[medoids[-1]])
    return np.array(medoids)


def given(indices, n_clusters, n):
    whole = indices.ndim == 1 and np.issubdtype(indices.dtype, np.integer)
    if not whole or len(set(indices.tolist())) != n_clusters or len(indices) != n_clusters:
        raise ConfigError(f"init = {indices.tolist()} should be {n_clusters} different indices of points (n_clusters).")
    if not 0 <= indices.min() <= indices.max() < n:
        raise ConfigError(f"init = {indices.tolist()} should be indices of the {n} points, from 0 to {n - 1}.")
    return indices.astype(np.int64)


def portions(n):
    rows = max(1, ELEMENTS // n)
    return [slice(start, start + rows) for start in range(0, n, rows)]


@hookimpl
def register_clusterers():
    return [clusterer("kmedoids", kmedoids, centers=True, check=check_pairs)]
