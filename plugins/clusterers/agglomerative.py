"""Agglomerative clustering: every point is a cluster at first; the two nearest become one, again and again.

Lance and Williams, "A general theory of classificatory sorting strategies" (1967); Ward, "Hierarchical grouping to
optimize an objective function" (1963). The merging itself is SciPy's ``linkage``.
"""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from workbench import Clustering, clusterer, hookimpl
from workbench.errors import ConfigError
from workbench.plugins.clusterers._labels import by_first_appearance
from workbench.plugins.clusterers._pairwise import check_pairs, pairwise


def agglomerative(
    X,
    *,
    n_clusters: Annotated[int, Ge(1)] | None = 2,
    distance_threshold: Annotated[float, Ge(0)] | None = None,
    linkage: Literal["ward", "complete", "average", "single"] = "ward",
    metric: str = "euclidean",
):
    """Merge clusters until ``n_clusters`` are left, or none are nearer than ``distance_threshold`` (set one to null).

    ``linkage`` is the distance of two clusters: of their nearest points (``single``), their farthest (``complete``),
    all pairs' mean (``average``), or for ``ward``, which is Euclidean, √(2 times the squared error that merging adds).
    Clusters are numbered in the order of their first points. ``children_`` (n_samples - 1, 2) are the merged, in order,
    merge i making cluster n_samples + i of them, and ``distances_`` how far apart they were. New points have no place
    in a hierarchy: there is no ``predict``. Takes up to 12 n² bytes; ``DataError`` for more than 16,384 points.
    """
    children, heights = merges(X, linkage, metric)
    n_merges = len(X) - n_clusters if distance_threshold is None else np.count_nonzero(heights < distance_threshold)
    labels = cut(children, n_merges)
    return Clustering(labels, metric=metric, attributes={"children": children, "distances": heights})


def check(X, *, n_clusters, distance_threshold, linkage, metric):
    if (n_clusters is None) == (distance_threshold is None):
        raise ConfigError(
            "clusterer 'agglomerative' stops by n_clusters or by distance_threshold: give one, and set the other to "
            f"null; they are {n_clusters} and {distance_threshold}."
        )
    if linkage == "ward" and metric != "euclidean":
        raise ConfigError(
            f"clusterer 'agglomerative': linkage 'ward' adds up squared Euclidean distances, so its metric is "
            f"'euclidean', not {metric!r}; linkages average, complete and single take any."
        )
    check_pairs(X)


def merges(X, linkage, metric):
    """Which clusters merge, and at what distance; that never falls."""
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import squareform

    if len(X) == 1:
        return np.empty((0, 2), np.int64), np.empty(0)
    merged = hierarchy.linkage(squareform(pairwise(X, metric), checks=False), linkage)
    return merged[:, :2].astype(np.int64), merged[:, 2].copy()


def cut(children, n_merges):
    """The cluster of each point after so many merges."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = len(children) + 1
    made = np.repeat(np.arange(n, n + n_merges), 2)
    tree = coo_array((np.ones(len(made), bool), (made, children[:n_merges].ravel())), shape=(2 * n - 1, 2 * n - 1))
    _, component = connected_components(tree, directed=False)
    return by_first_appearance(component[:n])


@hookimpl
def register_clusterers():
    return [clusterer("agglomerative", agglomerative, check=check)]
