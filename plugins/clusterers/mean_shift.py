"""Mean shift: every point climbs to where points lie densest; those that arrive at one place are a cluster.

Comaniciu and Meer, "Mean shift: a robust approach toward feature space analysis" (2002), with a flat kernel.
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Clustering, clusterer, hookimpl
from workbench.clustering.metric import nearest

ROWS = 256  # points that climb at a time: each holds its neighbours, perhaps all others


def mean_shift(X, *, bandwidth: Annotated[float, Gt(0)] | None = None, max_iter: Annotated[int, Ge(1)] = 300):
    """Modes of the density of points within ``bandwidth``; a point belongs to the mode nearest to it.

    A centre shifts to the mean of the points no farther than ``bandwidth``, until a shift is at most a thousandth of
    it. Of modes no farther apart than ``bandwidth`` the one with most points about it stays; centres are sorted so, and
    by their coordinates where as many are. ``bandwidth`` null: the mean over all points of the distance within which
    30 % of the points lie, scikit-learn's ``estimate_bandwidth``; ``bandwidth_`` is the one used. Euclidean.
    """
    from sklearn.cluster import estimate_bandwidth
    from sklearn.neighbors import KDTree

    points = X.astype(np.float64, copy=False)
    if bandwidth is None:
        bandwidth = float(estimate_bandwidth(points))
    tree = KDTree(points)
    climbed = [climb(points, points[i : i + ROWS], tree, bandwidth, max_iter) for i in range(0, len(X), ROWS)]
    modes, weights, n_iter = zip(*climbed, strict=True)
    centers = apart(np.concatenate(modes), np.concatenate(weights), bandwidth).astype(X.dtype)
    labels, costs = nearest(X, centers, "euclidean")
    inertia = float(costs.sum(dtype=np.float64))
    return Clustering(labels, centers, inertia, max(n_iter), attributes={"bandwidth": bandwidth})


def climb(X, start, tree, bandwidth, max_iter):
    """Where each of ``start`` arrives, how many points were within ``bandwidth`` at last, and the most steps taken."""
    centers, weights = start.copy(), np.zeros(len(start), np.int64)
    climbing = np.arange(len(start))
    for n_iter in range(1, max_iter + 1):  # noqa: B007 - it is returned
        far = np.zeros(len(climbing), bool)
        for at, within in enumerate(tree.query_radius(centers[climbing], bandwidth)):
            i = climbing[at]
            # The mean of differences: where all points are the same, rounding must not move the centre off them.
            shift = (X[within] - centers[i]).mean(axis=0)
            centers[i] += shift
            weights[i] = len(within)
            far[at] = np.linalg.norm(shift) > 1e-3 * bandwidth
        climbing = climbing[far]
        if not climbing.size:
            break
    return centers, weights, n_iter


def apart(modes, weights, bandwidth):
    """The modes by falling weight, without those within ``bandwidth`` of one before them."""
    from sklearn.neighbors import KDTree

    modes = modes[np.lexsort((*modes.T[::-1], weights))[::-1]]
    tree = KDTree(modes)
    stays = np.ones(len(modes), bool)
    for i in range(len(modes)):
        if stays[i]:
            stays[tree.query_radius(modes[i : i + 1], bandwidth)[0]] = False
            stays[i] = True
    return modes[stays]


@hookimpl
def register_clusterers():
    return [clusterer("mean_shift", mean_shift, centers=True)]
