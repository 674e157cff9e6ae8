"""my_idea: centres far apart, each the point farthest from those before; Gonzalez (1985)."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Clustering, clusterer, hookimpl
from workbench.clustering.metric import distances


def my_idea(X, rng, *, n_clusters: Annotated[int, Ge(1)] = 3, metric: str = "euclidean"):
    """A random point is the first centre, then always the point farthest from all centres; the rest follow the nearest.

    No other choice of centres makes the farthest point less than half as far; Gonzalez, "Clustering to minimize the
    maximum intercluster distance" (1985).
    """
    # ``rng`` is made from the option random_state, which a clusterer that names it then has.
    chosen = [int(rng.integers(len(X)))]
    apart = [distances(X, X[chosen], metric)[:, 0]]
    while len(chosen) < n_clusters:
        chosen.append(int(np.min(apart, axis=0).argmax()))
        apart.append(distances(X, X[chosen[-1:]], metric)[:, 0])
    labels = np.argmin(apart, axis=0).astype(np.int32)
    inertia = float(np.min(apart, axis=0).sum(dtype=np.float64))
    return Clustering(labels, X[chosen], inertia, metric=metric, adds="distance")


@hookimpl
def register_clusterers():
    # With centers=True new points belong to the nearest centre; predict=function would say otherwise.
    return [clusterer("my_idea", my_idea, centers=True)]
