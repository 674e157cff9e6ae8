"""my_idea: Euclidean distance after arsinh, which tells near 0 by differences and far out by ratios."""

import math

import numpy as np

from workbench import Metric, hookimpl


def my_idea(x, y):
    return math.sqrt(squared(x, y))


# What is added up over a cluster: it rises with the distance, and the centre below has the least of it.
def squared(x, y):
    total = 0.0
    for j in range(x.size):
        total += (math.asinh(x[j]) - math.asinh(y[j])) ** 2
    return total


def mean_of_arsinh(points, center):
    """Σ (arsinh x - t)² is least where t is the mean of arsinh x, and the centre is the point that has this arsinh."""
    for j in range(center.size):
        total = np.float64(0)  # summed in float32, millions of points would have another mean
        for i in range(len(points)):
            total += math.asinh(points[i, j])
        center[j] = math.sinh(total / len(points))


@hookimpl
def register_metrics():
    return [Metric("my_idea", my_idea, mean_of_arsinh, cost=squared)]
