"""A metric for features that are the same or not, and a clusterer that takes any metric."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Clustering
from workbench.clustering.metric import distances


def hamming(x, y):
    """Share of the features that differ; the most frequent value of each has the least of it."""
    differing = 0
    for j in range(x.size):
        if x[j] != y[j]:
            differing += 1
    return differing / x.size


def modes(points, center):
    """The most frequent value of each feature, the smallest of several. Takes n² steps."""
    for j in range(center.size):
        most = 0
        for i in range(len(points)):
            value, count = points[i, j], 0
            for k in range(len(points)):
                if points[k, j] == value:
                    count += 1
            if count > most or (count == most and value < center[j]):
                most = count
                center[j] = value


def friends_of_friends(X, *, reach: Annotated[float, Ge(0)] = 0.5, metric: str = "euclidean"):
    """Points no farther apart than ``reach`` are friends, and friends of friends are of one cluster.

    Clusters are numbered by their first points. Takes 9 n² bytes. Huchra and Geller, "Groups of galaxies" (1982).
    """
    friends = distances(X, X, metric) <= reach
    labels = np.full(len(X), -1, np.int32)
    for i in range(len(X)):
        if labels[i] == -1:
            labels[reached(friends, i)] = labels.max() + 1
    return Clustering(labels, metric=metric)


def reached(friends, i):
    """Which points are friends of friends of point ``i``, itself among them: bool (n_samples,)."""
    found = np.arange(len(friends)) == i
    new = found
    while new.any():
        new = friends[new].any(axis=0) & ~found
        found = found | new
    return found
