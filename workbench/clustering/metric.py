"""A metric over arrays: nearest centres, distances and centres of groups, with the plugin's functions compiled in."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from workbench.compiler import compiler_is_off
from workbench.errors import DataError
from workbench.registry import registry
from workbench.specs import Metric

ROWS = 4096  # points a thread takes at a time


def cost(x, y):
    raise NotImplementedError("bound to the plugin's cost, or its distance")


def center(points, into):
    raise NotImplementedError("bound to the plugin's centre rule")


def nearest_rows(X, centers, labels, costs):
    """For each row of ``X`` the first of its nearest ``centers``, and what it costs."""
    for i in range(X.shape[0]):
        best, least = 0, cost(X[i], centers[0])
        for c in range(1, centers.shape[0]):
            other = cost(X[i], centers[c])
            if other < least:
                best, least = c, other
        labels[i] = best
        costs[i] = least


def distance_rows(X, Y, out):
    """out[i, k] = distance of X[i] from Y[k]."""
    for i in range(X.shape[0]):
        for k in range(Y.shape[0]):
            out[i, k] = cost(X[i], Y[k])


def own_rows(X, centers, labels, costs):
    """What each row of ``X`` costs at the centre it belongs to."""
    for i in range(X.shape[0]):
        costs[i] = cost(X[i], centers[labels[i]])


def group_centers(points, starts, centers):
    """centers[c] = centre of points[starts[c] : starts[c + 1]], for those groups that are not empty."""
    for c in range(centers.shape[0]):
        if starts[c] < starts[c + 1]:
            center(points[starts[c] : starts[c + 1]], centers[c])


def metric_for(name: str, X: np.ndarray) -> Metric:
    """The metric called so, if it is one for ``X``. Raises ``UnknownName`` and ``DataError``."""
    metric: Metric = registry().get("metric", name)
    if metric.n_features not in (None, X.shape[1]):
        raise DataError(f"metric {name!r} needs {metric.n_features} features a point, X has {X.shape[1]}.")
    if metric.check_points is not None:
        metric.check_points(X)
    return metric


def compile_metric(name: str, dtype: str, centers: bool) -> None:
    """Compile what clustering needs of a metric, with or without ``centers``. Raises ``PluginError`` if that fails."""
    spec: Metric = registry().get("metric", name)
    if centers:
        metric_kernel(nearest_rows, spec, spec.cost or spec.function, dtype)
        metric_kernel(group_centers, spec, spec.center, dtype)
    else:
        metric_kernel(distance_rows, spec, spec.function, dtype)


def nearest(
    X: np.ndarray, centers: np.ndarray, metric: str, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of each point, the first of several, and what the point costs there.

    ``X`` (n_samples, n_features) and ``centers`` (n_clusters, n_features) of one dtype, float32 or float64. Gives int32
    labels and costs of that dtype, both (n_samples,).
    """
    spec = registry().get("metric", metric)
    labels, costs = np.empty(len(X), np.int32), np.empty(len(X), X.dtype)
    kernel = metric_kernel(nearest_rows, spec, spec.cost or spec.function, X.dtype.name)
    X, centers = np.ascontiguousarray(X), np.ascontiguousarray(centers)
    _in_rows(len(X), lambda rows: kernel(X[rows], centers, labels[rows], costs[rows]), threads)
    return labels, costs


def distances(X: np.ndarray, Y: np.ndarray, metric: str, threads: int | None = None) -> np.ndarray:
    """Distances of all points of ``X`` (n, n_features) from all of ``Y`` (m, n_features), both of one dtype: (n, m)."""
    spec = registry().get("metric", metric)
    return _between(X, Y, spec, spec.function, threads)


def own_costs(
    X: np.ndarray, centers: np.ndarray, labels: np.ndarray, metric: str, threads: int | None = None
) -> np.ndarray:
    """What each point costs at its own centre, (n_samples,); ``labels`` int32 (n_samples,)."""
    spec = registry().get("metric", metric)
    costs = np.empty(len(X), X.dtype)
    kernel = metric_kernel(own_rows, spec, spec.cost or spec.function, X.dtype.name)
    X, centers = np.ascontiguousarray(X), np.ascontiguousarray(centers)
    _in_rows(len(X), lambda rows: kernel(X[rows], centers, labels[rows], costs[rows]), threads)
    return costs


def costs_between(X: np.ndarray, Y: np.ndarray, metric: str, threads: int | None = None) -> np.ndarray:
    """Like ``distances``, but what the metric costs."""
    spec = registry().get("metric", metric)
    return _between(X, Y, spec, spec.cost or spec.function, threads)


def centers_of(X: np.ndarray, labels: np.ndarray, n_clusters: int, metric: str) -> np.ndarray:
    """The centre of each group of points by the metric's own rule, (n_clusters, n_features); NaN where it is empty."""
    spec = registry().get("metric", metric)
    centers = np.full((n_clusters, X.shape[1]), np.nan, X.dtype)
    starts = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=n_clusters))])
    by_group = X[np.argsort(labels, kind="stable")]
    metric_kernel(group_centers, spec, spec.center, X.dtype.name)(by_group, starts, centers)
    return centers


def _between(X: np.ndarray, Y: np.ndarray, spec: Metric, function: Callable, threads: int | None) -> np.ndarray:
    out = np.empty((len(X), len(Y)), X.dtype)
    kernel = metric_kernel(distance_rows, spec, function, X.dtype.name)
    X, Y = np.ascontiguousarray(X), np.ascontiguousarray(Y)
    _in_rows(len(X), lambda rows: kernel(X[rows], Y, out[rows]), threads)
    return out


@functools.cache
def metric_kernel(template: Callable, spec: Metric, function: Callable, dtype: str) -> Any:
    """A template with the plugin's function bound, as machine code, or as plain Python under NUMBA_DISABLE_JIT."""
    from workbench.jit.retarget import rebind

    bind = {"center" if template is group_centers else "cost": function}
    if compiler_is_off():
        return rebind(template, bind)
    from numba import from_dtype, types

    from workbench.jit import specialise

    number = from_dtype(np.dtype(dtype))
    table, vector = number[:, ::1], number[::1]
    given = types.Array(number, 2, "C", readonly=True)  # a sweep's jobs share their data
    arguments, signature = {
        nearest_rows: ("X, centers, labels, costs", (given, given, types.int32[::1], vector)),
        own_rows: ("X, centers, labels, costs", (given, given, types.int32[::1], vector)),
        distance_rows: ("X, Y, out", (given, given, table)),
        group_centers: ("points, starts, centers", (table, types.int64[::1], table)),
    }[template]
    source = f"def kernel({arguments}):\n    rows({arguments})\n"
    name = f"{template.__name__}_{spec.name}"
    functions = {"rows": (template, bind)}
    owner = f"metric {spec.name!r}"
    return specialise(name, source, types.void(*signature), functions, {}, dtype, kind="njit", owner=owner)


def _in_rows(n: int, work: Callable[[slice], None], threads: int | None) -> None:
    """Do ``work`` on portions of ``n`` rows, in threads where there are many; each row is computed on its own."""
    portions = [slice(start, start + ROWS) for start in range(0, n, ROWS)]
    if len(portions) < 2 or threads == 1:
        for rows in portions:
            work(rows)
        return
    from workbench.jit.threads import thread_count

    with ThreadPoolExecutor(thread_count(threads)) as pool:
        for _ in pool.map(work, portions):
            pass
