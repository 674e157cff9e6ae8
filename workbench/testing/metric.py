"""What is asked of a metric, tried on random points: that it is a distance, and that its centre rule fits its cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NoReturn

import numpy as np
from scipy.optimize import minimize

from workbench.clustering.metric import distance_rows, group_centers, metric_kernel
from workbench.errors import DataError, PluginError
from workbench.registry import registry
from workbench.specs import Metric

FEATURES = (1, 2, 3, 4)
POOL = 24  # points drawn of each kind
SIZES = range(1, 8)  # of groups, the smallest first: what fails there is the easiest to understand
# Differences that matter, as parts of the largest distance or cost there is.
ROUNDING, DIFFERENT, SINGLE = 1e-12, 1e-9, 1e-4
BEYOND = 1e300  # the cost of a centre where there is no such distance; finite, for the minimiser's differences


def check_metric(metric: Metric | str, rng_seed: int = 0) -> None:
    """Refuse a metric, or the one registered under that name, that is not what ``Metric`` says it should be.

    Its distance is finite, not negative, zero from a point to itself and the same both ways; cost rises with it. The
    centre of a group is where numerical minimisation finds no lower total cost, that of a single point is the point,
    and the order of the points does not matter. ``squared_euclidean`` is true where claimed, nothing changes its
    arguments, float32 gives nearly the same, and machine code what plain Python gives.

    Raises ``PluginError`` with a counterexample, of the fewest points found.
    """
    spec: Metric = registry().get("metric", metric) if isinstance(metric, str) else metric
    rng = np.random.default_rng(rng_seed)
    pools = list(_pools(spec, rng))
    if not pools:
        _refuse(spec, "check_points accepts no points tried: whole numbers, normal, positive, shares of 1, degrees.")
    _check_distances(spec, pools)
    reach = [_table(spec, spec.function, pool, pool).max() for pool in pools]
    # Directions on a line, say, are all the same: nothing is to be learned from such points.
    pools = [pool for pool, far in zip(pools, reach, strict=True) if far > ROUNDING * max(reach)]
    if not pools:
        _refuse(spec, "all points are at distance 0 of each other.")
    for pool in pools:
        _check_cost(spec, pool)
    for size in SIZES:
        for pool in pools:
            _check_center(spec, pool, rng.permutation(pool)[:size], rng)
    for pool in pools:
        _check_plain_python(spec, pool)
        _check_float32(spec, pool)


def _pools(metric: Metric, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Points (n, n_features), float64, of every kind for which the metric is meant."""
    for d in FEATURES if metric.n_features is None else (metric.n_features,):
        kinds = [
            rng.integers(-4, 5, (POOL, d)).astype(float),
            rng.normal(size=(POOL, d)),
            rng.exponential(size=(POOL, d)),
            rng.dirichlet(np.ones(d), POOL),
        ]
        if d == 2:
            kinds.append(rng.uniform((-90, -180), (90, 180), (POOL, d)))
        for kind in kinds:
            pool = kind[[_accepts(metric, point) for point in kind]]
            pool.setflags(write=False)
            if len(pool) >= max(SIZES):
                yield pool


def _accepts(metric: Metric, point: np.ndarray) -> bool:
    try:
        if metric.check_points is not None:
            metric.check_points(point[np.newaxis])
    except DataError:
        return False
    return True


def _check_distances(metric: Metric, pools: list[np.ndarray]) -> None:
    tables = [_table(metric, metric.function, pool, pool) for pool in pools]
    for pool, table in zip(pools, tables, strict=True):
        for i, k in np.argwhere(~np.isfinite(table)):
            pair = f"from {_text(pool[i])} to {_text(pool[k])}"
            _refuse(metric, f"the distance {pair} is {table[i, k]}; check_points must refuse points that have none.")
    least = ROUNDING * max(table.max() for table in tables)
    for pool, table in zip(pools, tables, strict=True):
        for i in np.flatnonzero(np.abs(np.diag(table)) > least):
            _refuse(metric, f"the distance of {_text(pool[i])} from itself is {table[i, i]:.6g}, not 0.")
        for i, k in np.argwhere(table < -least):
            _refuse(metric, f"the distance from {_text(pool[i])} to {_text(pool[k])} is negative, {table[i, k]:.6g}.")
        for i, k in np.argwhere(np.abs(table - table.T) > least):
            way = f"from {_text(pool[i])} to {_text(pool[k])} is {table[i, k]:.10g}, the other way {table[k, i]:.10g}"
            _refuse(metric, f"the distance {way}.")


def _check_cost(metric: Metric, pool: np.ndarray) -> None:
    distance, cost = (_table(metric, function, pool, pool) for _, function in _functions(metric))
    i, k = np.triu_indices(len(pool))
    order = np.argsort(distance[i, k], kind="stable")
    i, k = i[order], k[order]
    apart = np.diff(distance[i, k]) > DIFFERENT * distance.max()
    for at in np.flatnonzero(apart & ~(np.diff(cost[i, k]) > 0)):
        one, other = (
            f"{_text(pool[i[n]])} and {_text(pool[k[n]])} are {distance[i[n], k[n]]:.6g} apart and cost "
            f"{cost[i[n], k[n]]:.6g}"
            for n in (at, at + 1)
        )
        _refuse(metric, f"the cost does not rise with the distance: {one}, {other}.")
    if metric.squared_euclidean:
        squares = ((pool[:, np.newaxis] - pool) ** 2).sum(axis=2)
        for i, k in np.argwhere(~(np.abs(cost - squares) <= DIFFERENT * squares.max())):
            _refuse(
                metric,
                f"squared_euclidean is not true: {_text(pool[i])} and {_text(pool[k])} cost {cost[i, k]:.10g}, "
                f"the squares of their differences add up to {squares[i, k]:.10g}.",
            )


def _check_center(metric: Metric, pool: np.ndarray, points: np.ndarray, rng: np.random.Generator) -> None:
    center, far = _center(metric, points), _table(metric, metric.function, pool, pool).max()
    told = f"of the points {_text(*points)} the centre rule makes {_text(center)}"
    if not (np.isfinite(center).all() and _accepts(metric, center)):
        _refuse(metric, f"{told}, which is no point of this metric.")
    if len(points) == 1 and not _apart(metric, points[0], center) <= DIFFERENT * far:
        _refuse(metric, f"of the single point {_text(points[0])} the centre rule makes {_text(center)}, not the point.")
    total, slack = _total(metric, points), DIFFERENT * len(points) * _dearest(metric, pool)
    better = min((*points, points.mean(axis=0), np.median(points, axis=0)), key=total)
    if not total(better) < total(center) - slack:
        starts = (center, better, pool[rng.integers(len(pool))])
        better = min((_minimum(total, start, pool.std(axis=0), slack) for start in starts), key=total)
    if not total(center) <= total(better) + slack:
        costs = f"at a total cost of {total(center):.10g}, but {_text(better)} costs {total(better):.10g}"
        _refuse(metric, f"its centre rule does not minimise its cost: {told}, {costs}.")
    off = np.abs(center - points.mean(axis=0)).max()
    if metric.squared_euclidean and not off <= DIFFERENT * np.abs(pool).max():
        _refuse(metric, f"squared_euclidean is not true: {told}, {off:.3g} off their mean.")
    if max(map(total, points)) <= total(center) + slack:
        return  # points that cancel: any centre would do, so the rule may take whichever it met first
    for reordered in (points[::-1].copy(), rng.permutation(points)):
        again = _center(metric, reordered)
        if not _apart(metric, center, again) <= SINGLE * far:
            _refuse(metric, f"{told}, but in the order {_text(*reordered)} it makes {_text(again)}.")


def _check_plain_python(metric: Metric, pool: np.ndarray) -> None:
    """Machine code computes the same."""
    for name, function in _functions(metric):
        compiled = _table(metric, function, pool, pool)
        plain = np.array([[function(x, y) for y in pool] for x in pool])
        for i, k in np.argwhere(~(np.abs(plain - compiled) <= DIFFERENT * compiled.max())):
            values = f"{compiled[i, k]:.10g} compiled, {plain[i, k]:.10g} in plain Python"
            _refuse(metric, f"the {name} of {_text(pool[i])} and {_text(pool[k])} is {values}.")
    center, plain = _center(metric, pool), np.full(pool.shape[1], np.nan)
    metric.center(pool.copy(), plain)
    total = _total(metric, pool)
    if not abs(total(plain) - total(center)) <= DIFFERENT * len(pool) * _dearest(metric, pool):
        _refuse(metric, f"the centre of {_text(*pool)} is {_text(center)} compiled, {_text(plain)} in plain Python.")


def _check_float32(metric: Metric, pool: np.ndarray) -> None:
    """float32 computes nearly the same."""
    single = pool.astype(np.float32)
    single = single[[_accepts(metric, point) for point in single]]
    if not len(single):
        return
    double = single.astype(np.float64)
    for name, function in _functions(metric):
        narrow, wide = _table(metric, function, single, single), _table(metric, function, double, double)
        for i, k in np.argwhere(~(np.abs(narrow - wide) <= SINGLE * wide.max())):
            values = f"{narrow[i, k]:.6g} in float32, {wide[i, k]:.6g} in float64"
            _refuse(metric, f"the {name} of {_text(single[i])} and {_text(single[k])} is {values}.")
    narrow, wide, total = _center(metric, single), _center(metric, double), _total(metric, double)
    if not total(narrow.astype(np.float64)) - total(wide) <= SINGLE * len(double) * _dearest(metric, double):
        _refuse(metric, f"the centre of {_text(*single)} is {_text(narrow)} in float32, {_text(wide)} in float64.")


def _minimum(total: Callable[[np.ndarray], float], start: np.ndarray, spread: np.ndarray, slack: float) -> np.ndarray:
    """Where Nelder and Mead's search from ``start`` ends; ``spread`` is the scale of each feature."""
    simplex = start + 0.25 * np.vstack([np.zeros_like(start), np.diag(spread)])
    enough = {"xatol": 1e-4 * spread.max(), "fatol": 0.1 * slack, "maxfev": 100 * start.size}
    return minimize(total, start, method="Nelder-Mead", options={"initial_simplex": simplex, **enough}).x


def _total(metric: Metric, points: np.ndarray) -> Callable[[np.ndarray], float]:
    """Total cost of ``points`` as a function of their centre."""
    kernel = metric_kernel(distance_rows, metric, metric.cost or metric.function, points.dtype.name)
    costs = np.empty((len(points), 1), points.dtype)

    def total(center: np.ndarray) -> float:
        if not _accepts(metric, center):
            return BEYOND
        kernel(points, np.ascontiguousarray(center)[np.newaxis], costs)
        cost = float(costs.sum())
        return cost if np.isfinite(cost) else BEYOND

    return total


def _functions(metric: Metric) -> tuple[tuple[str, Callable], ...]:
    return ("distance", metric.function), ("cost", metric.cost or metric.function)


def _dearest(metric: Metric, pool: np.ndarray) -> float:
    return float(_table(metric, metric.cost or metric.function, pool, pool).max())


def _apart(metric: Metric, x: np.ndarray, y: np.ndarray) -> float:
    return float(_table(metric, metric.function, x[np.newaxis], y[np.newaxis])[0, 0])


def _table(metric: Metric, function: Callable, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """function(x, y) of all pairs, (n, m), as the workbench computes it."""
    out = np.full((len(X), len(Y)), np.nan, X.dtype)
    metric_kernel(distance_rows, metric, function, X.dtype.name)(X, Y, out)
    return out


def _center(metric: Metric, points: np.ndarray) -> np.ndarray:
    """The centre of ``points``, as the workbench computes it."""
    given, center = points.copy(), np.full((1, points.shape[1]), np.nan, points.dtype)
    metric_kernel(group_centers, metric, metric.center, points.dtype.name)(given, np.array([0, len(points)]), center)
    if (given != points).any():
        _refuse(metric, f"its centre rule changes the points it is given: {_text(*points)} to {_text(*given)}.")
    return center[0]


def _text(*points: np.ndarray) -> str:
    return " ".join(f"({', '.join(f'{v:.6g}' for v in point)})" for point in points)


def _refuse(metric: Metric, problem: str) -> NoReturn:
    raise PluginError(f"metric {metric.name!r}: {problem}")
