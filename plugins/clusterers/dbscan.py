"""DBSCAN: clusters are where points lie dense; the rest is noise.

Ester, Kriegel, Sander and Xu, "A density-based algorithm for discovering clusters in large spatial databases with
noise" (1996).
"""

import itertools
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Clustering, clusterer, hookimpl
from workbench.clustering.metric import distances
from workbench.plugins.clusterers._labels import by_first_appearance

PAIRS = 2**22  # neighbours, and distances, held at a time: those of all points may be too many
FLAT = 15  # features up to which a k-d tree is worth its while, by scikit-learn's rule


def dbscan(X, *, eps: Annotated[float, Gt(0)] = 0.5, min_samples: Annotated[int, Ge(1)] = 5, metric: str = "euclidean"):
    """Clusters of core points, those with ``min_samples`` points (themselves among them) no farther than ``eps``.

    Core points no farther than ``eps`` from each other are of one cluster. Another point belongs to the first cluster
    that has a core point so near, or is noise, -1. Clusters are numbered by their first core points, as in
    scikit-learn. ``core_sample_indices_`` are the core points and ``components_`` (n_core, n_features) their places; a
    new point belongs to the cluster of the nearest core point no farther than ``eps``. Neighbours are looked up once
    more rather than kept, so memory is bounded however large ``eps`` is.
    """
    n_neighbors = np.zeros(len(X), np.int64)
    for i, _ in neighbors(X, X, eps, metric):
        n_neighbors += np.bincount(i, minlength=len(X))
    is_core = n_neighbors >= min_samples
    core, other = np.flatnonzero(is_core), np.flatnonzero(~is_core)

    labels = np.full(len(X), -1, np.int32)
    labels[core] = connected(X[core], eps, metric)
    labels[other] = first_reached(X[other], X[core], labels[core], eps, metric)
    return Clustering(labels, metric=metric, attributes={"core_sample_indices": core, "components": X[core]})


def connected(X, eps, metric):
    """Clusters of core points ``X``: what can be reached from each other in steps of at most ``eps``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    component = np.arange(len(X))
    for i, k in neighbors(X, X, eps, metric):
        i, k = component[i], component[k]
        new = i != k  # most lead from where one can be reached already
        steps = coo_array((new[new], (i[new], k[new])), shape=(len(X), len(X)))
        _, joined = connected_components(steps, directed=False)
        component = joined[component]
    return by_first_appearance(component)


def first_reached(X, core, labels, eps, metric):
    """The first cluster that has one of the ``core`` points no farther than ``eps`` from each of ``X``, or -1."""
    first = np.full(len(X), np.iinfo(np.int32).max, np.int32)
    for i, k in neighbors(X, core, eps, metric):
        np.minimum.at(first, i, labels[k])
    return np.where(first == np.iinfo(np.int32).max, -1, first)


def predict(model, X):
    core, labels = model.components_.astype(X.dtype, copy=False), model.labels_[model.core_sample_indices_]
    if not len(core):
        return np.full(len(X), -1, np.int32)
    k, distance = nearest_core(X, core, model.metric)
    return np.where(distance <= model.eps, labels[k], -1).astype(np.int32)


def nearest_core(X, core, metric):
    """Which of the ``core`` points is nearest to each of ``X``, and its distance."""
    from sklearn.neighbors import NearestNeighbors

    if metric == "euclidean":
        distance, k = NearestNeighbors(n_neighbors=1).fit(core).kneighbors(X)
        return k[:, 0], distance[:, 0]
    k, distance = np.empty(len(X), np.int64), np.empty(len(X), X.dtype)
    for rows in portions(len(X), len(core)):
        between = distances(core, X[rows], metric)
        k[rows], distance[rows] = between.argmin(axis=0), between.min(axis=0)
    return k, distance


def neighbors(X, Y, eps, metric):
    """All pairs of X[i] and Y[k] no farther apart than ``eps``: arrays of i and of k, in portions."""
    from sklearn.neighbors import KDTree, NearestNeighbors

    if not len(X) or not len(Y):
        return
    rows_at_a_time = portions(len(X), len(Y))
    if metric != "euclidean":

        def near(rows):
            within = distances(Y, X[rows], metric) <= eps  # this way about, threads share the longer side
            return [np.flatnonzero(column) for column in within.T]

    elif X.shape[1] > FLAT:
        points = NearestNeighbors(radius=eps, algorithm="brute").fit(Y)

        def near(rows):
            return points.radius_neighbors(X[rows], return_distance=False)

    else:
        tree = KDTree(Y)
        so_far = np.cumsum(tree.query_radius(X, eps, count_only=True))
        ends = [0, *(np.flatnonzero(np.diff(so_far // PAIRS)) + 1), len(X)]
        rows_at_a_time = [slice(*each) for each in itertools.pairwise(ends)]

        def near(rows):
            return tree.query_radius(X[rows], eps)

    for rows in rows_at_a_time:
        found = near(rows)
        yield np.repeat(np.arange(rows.start, rows.stop), [len(each) for each in found]), np.concatenate(found)


def portions(n, n_pairs):
    """Slices of ``n`` rows, of so many that their ``n_pairs`` distances each may be held."""
    size = max(1, PAIRS // n_pairs)
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]


@hookimpl
def register_clusterers():
    return [clusterer("dbscan", dbscan, predict=predict)]
