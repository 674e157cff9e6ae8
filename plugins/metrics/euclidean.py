"""Euclidean distance √Σ(x - y)²; the mean has the least squared distance to its points (row K3)."""

import math

import numpy as np

from workbench import Metric, hookimpl


def euclidean(x, y):
    return math.sqrt(squared(x, y))


def squared(x, y):
    total = 0.0
    for j in range(x.size):
        total += (x[j] - y[j]) ** 2
    return total


def mean(points, center):
    for j in range(center.size):
        total = np.float64(0)  # summed in float32, ten million points would have another mean
        for i in range(len(points)):
            total += points[i, j]
        center[j] = total / len(points)


@hookimpl
def register_metrics():
    return [Metric("euclidean", euclidean, mean, cost=squared, squared_euclidean=True)]
