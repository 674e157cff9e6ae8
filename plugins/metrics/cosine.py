"""Cosine distance 1 - x·y / (|x||y|), that of directions; the mean direction has the least of it (row K3).

Dhillon and Modha, "Concept decompositions for large sparse text data using clustering" (2001).
"""

import math

import numpy as np

from workbench import Metric, hookimpl
from workbench.errors import DataError


def cosine(x, y):
    """1 - cos θ = |u - v|² / 2 of the unit vectors u and v, so that nothing cancels where they are close."""
    a, b = 1 / length(x), 1 / length(y)
    total = 0.0
    for j in range(x.size):
        total += (a * x[j] - b * y[j]) ** 2
    return 0.5 * total


def length(x):
    total = 0.0
    for j in range(x.size):
        total += x[j] * x[j]
    return math.sqrt(total)


def mean_direction(points, center):
    """The mean of the points' unit vectors u, as a unit vector itself; the first of them where they cancel.

    1 - u·c adds up to n - c·Σu, which is least for c along Σu, and the same for all if Σu = 0.
    """
    total = np.zeros(center.size)
    for i in range(len(points)):
        a = 1 / length(points[i])
        for j in range(center.size):
            total[j] += a * points[i, j]
    if length(total) <= 4 * np.finfo(points.dtype).eps * len(points):  # what is left is rounding
        total[:] = points[0]
    center[:] = total / length(total)


def check_points(X):
    limits = np.finfo(X.dtype)
    with np.errstate(over="ignore", under="ignore"):
        squares = (X * X).sum(axis=1)
    bad = np.flatnonzero(~((squares >= limits.tiny) & (squares <= limits.max)))
    if len(bad):
        row = bad[0]
        problem = "is beyond the range of its numbers" if X[row].any() else "is 0: it has no direction"
        raise DataError(f"metric 'cosine': the squared length of row {row} {problem}.")


@hookimpl
def register_metrics():
    return [Metric("cosine", cosine, mean_direction, check_points=check_points)]
