"""What is asked of a metric, tried on random points: that it is a distance, and that its centre rule fits its cost.

Plain Python answers first, and finds most mistakes in no time; then machine code must find the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.optimize import minimize

from workbench.clustering.metric import distance_rows, group_centers, metric_kernel
from workbench.errors import DataError
from workbench.specs import Metric
from workbench.testing.checks import CheckSkipped, CheckWarning, refuse
from workbench.testing.instruments.guarded import Guarded
from workbench.testing.instruments.kernels import needs_compiler

FEATURES = (1, 2, 3, 4)
POOL = 24  # points drawn of each kind
SIZES = range(1, 8)  # of groups, the smallest first: what fails there is the easiest to understand
SEARCHED = (3, 6)  # those for which a minimum is searched, which takes long
STEPS = (0.3, 0.1, 0.01, 1e-3, 1e-4)  # away from a centre, in standard deviations of the points
# Differences that matter, as parts of the largest distance or cost there is.
ROUNDING, DIFFERENT, SINGLE = 1e-12, 1e-9, 1e-4
BEYOND = 1e300  # the cost of a centre where there is no such distance; finite, for the minimiser's differences


def check_points(metric: Metric) -> str:
    """Of the points tried, it accepts some, and refuses the others with a DataError."""
    pools = _pools(metric)
    if not pools:
        refuse(metric, "check_points accepts no points tried: whole numbers, normal, positive, shares of 1, degrees.")
    features = sorted({pool.shape[1] for pool in pools})
    return f"{sum(map(len, pools))} points of {' or '.join(map(str, features))} features tried"


def check_distance(metric: Metric) -> None:
    """Its distance is finite, not negative, 0 from a point to itself, and the same both ways."""
    pools = _some(metric)
    tables = [_table(metric, metric.function, pool) for pool in pools]
    least = ROUNDING * max(np.nanmax(table, initial=0) for table in tables)
    for pool, table in zip(pools, tables, strict=True):
        for i, k in np.argwhere(~np.isfinite(table)):
            pair = f"from {_text(pool[i])} to {_text(pool[k])}"
            refuse(metric, f"the distance {pair} is {table[i, k]}; check_points must refuse points that have none.")
    for pool, table in zip(pools, tables, strict=True):
        for i in np.flatnonzero(np.abs(np.diag(table)) > least):
            refuse(metric, f"the distance of {_text(pool[i])} from itself is {table[i, i]:.6g}, not 0.")
        for i, k in np.argwhere(table < -least):
            refuse(metric, f"the distance from {_text(pool[i])} to {_text(pool[k])} is negative, {table[i, k]:.6g}.")
        for i, k in np.argwhere(np.abs(table - table.T) > least):
            way = f"from {_text(pool[i])} to {_text(pool[k])} is {table[i, k]:.10g}, the other way {table[k, i]:.10g}"
            refuse(metric, f"the distance {way}.")
    if not max(np.max(table) for table in tables) > 0:
        refuse(metric, "all points are at distance 0 of each other.")


def check_opposite_points(metric: Metric) -> None:
    """Points as far apart as can be, where rounding may leave the range of a root or an arc, have a distance too."""
    for pool in _some(metric):
        opposite = [-pool]
        if pool.shape[1] == 2:  # on a sphere, in degrees
            opposite.append(np.column_stack([-pool[:, 0], pool[:, 1] - np.copysign(180, pool[:, 1])]))
        for x, y in ((x, y) for others in opposite for x, y in zip(pool, others, strict=True) if _accepts(metric, y)):
            if not np.isfinite(found := _apart(metric, x, y)):
                refuse(metric, f"the distance from {_text(x)} to {_text(y)} is {found}.")


def check_every_feature(metric: Metric) -> None:
    """Every feature of a point has a part in its distance from others."""
    matters: dict[tuple[int, int], bool] = {}
    for pool in _some(metric):
        if (d := pool.shape[1]) == 1:
            continue  # directions on a line are all the same
        for feature in range(d):
            moved = pool.copy()
            moved[:, feature] = np.roll(pool[:, feature], 1)
            pairs = [
                (x, y) for x, y in zip(pool, moved, strict=True) if x[feature] != y[feature] and _accepts(metric, y)
            ]
            if pairs:
                apart = any(_apart(metric, x, y) > 0 for x, y in pairs)
                matters[d, feature] = matters.get((d, feature), False) or apart
    for (d, feature), part in matters.items():
        if not part:
            refuse(metric, f"of {d} features, the one with index {feature} makes no difference to any distance.")


def check_cost(metric: Metric) -> None:
    """The cost rises with the distance, so that the nearest centre is the cheapest."""
    for pool in _spread(metric):
        distance, cost = (_table(metric, function, pool) for _, function in _functions(metric))
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
            refuse(metric, f"the cost does not rise with the distance: {one}, {other}.")


def check_triangle(metric: Metric) -> str:
    """Whether the way by a third point is never shorter; nothing here needs that, it is told for those who do."""
    for pool in _spread(metric):
        table = _table(metric, metric.function, pool)
        by = table[:, :, np.newaxis] + table[np.newaxis]  # from i by k to m
        for i, k, m in np.argwhere(table[:, np.newaxis] > by + DIFFERENT * table.max()):
            way = f"{_text(pool[i])} to {_text(pool[m])} is {table[i, m]:.6g}, by {_text(pool[k])} {by[i, k, m]:.6g}"
            return f"does not hold, which is allowed: {way}"
    return "holds on all points tried"


def check_single_point(metric: Metric) -> None:
    """The centre of a single point is that point."""
    for pool in _spread(metric):
        far = _table(metric, metric.function, pool).max()
        for point in pool[:4]:
            center = _valid_center(metric, point[np.newaxis])
            if not _apart(metric, point, center) <= DIFFERENT * far:
                made = f"of the single point {_text(point)} the centre rule makes {_text(center)}"
                refuse(metric, f"{made}, not the point.")


def check_centre(metric: Metric) -> None:
    """No other point costs less in total than the centre: none of the points, their mean or median, none near by."""
    for pool, points, _ in _groups(metric):
        center = _valid_center(metric, points)
        steps = [step * pool.std(axis=0).max() * axis for step in STEPS for axis in np.eye(center.size)]
        near = [center + sign * step for step in steps for sign in (1, -1)]
        _compare(metric, pool, points, center, (*points, points.mean(axis=0), np.median(points, axis=0), *near))


def check_order(metric: Metric) -> None:
    """The order of the points does not change their centre."""
    for pool, points, rng in _groups(metric):
        center, total = _center(metric, points), _total(metric, points)
        if max(map(total, points)) <= total(center) + DIFFERENT * len(points) * _dearest(metric, pool):
            continue  # points that cancel: any centre would do, so the rule may take whichever it met first
        far = _table(metric, metric.function, pool).max()
        for reordered in (points[::-1].copy(), rng.permutation(points)):
            again = _center(metric, reordered)
            if not _apart(metric, center, again) <= SINGLE * far:
                refuse(
                    metric, f"{_told(points, center)}, but in the order {_text(*reordered)} it makes {_text(again)}."
                )


def check_squared_euclidean(metric: Metric) -> None:
    """``squared_euclidean`` says whether the cost is the sum of squared differences, and the centre the mean."""
    problem = _unlike_squares(metric)
    if metric.squared_euclidean and problem:
        refuse(metric, f"squared_euclidean is not true: {problem}.")
    if problem:
        raise CheckSkipped("it does not claim to be")
    if not metric.squared_euclidean:
        raise CheckWarning("it is: say squared_euclidean=True, and clusterers take their faster ways.")


def check_minimum(metric: Metric) -> None:
    """Nor does numerical minimisation find a better one, from the centre or from anywhere else."""
    for pool, points, rng in _groups(metric, SEARCHED):
        center, total = _center(metric, points), _compiled_total(metric, points)
        slack = DIFFERENT * _dearest(metric, pool)
        starts = (center, pool[rng.integers(len(pool))])
        _compare(metric, pool, points, center, [_minimum(total, start, pool.std(axis=0), slack) for start in starts])


def check_machine_code(metric: Metric) -> None:
    """Machine code gives what plain Python gives."""
    needs_compiler()
    for pool in _spread(metric):
        for name, function in _functions(metric):
            compiled, plain = _compiled_table(metric, function, pool), _table(metric, function, pool)
            for i, k in np.argwhere(~(np.abs(plain - compiled) <= DIFFERENT * compiled.max())):
                values = f"{compiled[i, k]:.10g} compiled, {plain[i, k]:.10g} in plain Python"
                refuse(metric, f"the {name} of {_text(pool[i])} and {_text(pool[k])} is {values}.")
        center, plain = _compiled_center(metric, pool), _center(metric, pool)
        total = _total(metric, pool)
        if not abs(total(plain) - total(center)) <= DIFFERENT * len(pool) * _dearest(metric, pool):
            refuse(metric, f"the centre of {_text(*pool)} is {_text(center)} compiled, {_text(plain)} in plain Python.")


def check_arrays(metric: Metric) -> None:
    """Machine code fills the centre, all of it, and writes nothing else."""
    needs_compiler()
    for pool in _spread(metric):
        guards = Guarded()
        points, starts = guards.array("points", pool), guards.array("starts", np.array([0, len(pool)]))
        center = guards.unwritten("center", (1, pool.shape[1]), pool.dtype)
        metric_kernel(group_centers, metric, metric.center, pool.dtype.name)(points, starts, center)
        if place := guards.left_unwritten("center"):
            refuse(metric, f"its centre rule leaves center[{place[1]}] of {center.shape[1]} features unwritten.")
        if place := guards.changed("points"):
            refuse(metric, f"its centre rule changes the points it is given: points[{place[0]}, {place[1]}].")
        if beside := guards.written_beside():
            refuse(metric, f"of {len(pool)} points, {beside}.")


def check_float32(metric: Metric) -> None:
    """float32 gives nearly the same."""
    needs_compiler()
    for pool in _spread(metric):
        single = pool.astype(np.float32)
        single = single[[_accepts(metric, point) for point in single]]
        if not len(single):
            continue
        double = single.astype(np.float64)
        for name, function in _functions(metric):
            narrow, wide = _compiled_table(metric, function, single), _compiled_table(metric, function, double)
            for i, k in np.argwhere(~(np.abs(narrow - wide) <= SINGLE * wide.max())):
                values = f"{narrow[i, k]:.6g} in float32, {wide[i, k]:.6g} in float64"
                refuse(metric, f"the {name} of {_text(single[i])} and {_text(single[k])} is {values}.")
        narrow, wide, total = _compiled_center(metric, single), _compiled_center(metric, double), _total(metric, double)
        if not total(narrow.astype(np.float64)) - total(wide) <= SINGLE * len(double) * _dearest(metric, double):
            refuse(metric, f"the centre of {_text(*single)} is {_text(narrow)} in float32, {_text(wide)} in float64.")


CHECKS = (
    check_points,
    check_distance,
    check_opposite_points,
    check_every_feature,
    check_cost,
    check_triangle,
    check_single_point,
    check_centre,
    check_order,
    check_squared_euclidean,
    check_minimum,
    check_machine_code,
    check_arrays,
    check_float32,
)


@functools.lru_cache(16)  # every check asks for the same
def _pools(metric: Metric) -> list[np.ndarray]:
    """Points (n, n_features), float64, of every kind for which the metric is meant."""
    rng = np.random.default_rng(0)
    found = []
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
                found.append(pool)
    return found


def _some(metric: Metric) -> list[np.ndarray]:
    pools = _pools(metric)
    if not pools:
        raise CheckSkipped("check_points accepts no points tried")
    return pools


def _spread(metric: Metric) -> list[np.ndarray]:
    """Those whose points differ: of directions on a line, say, nothing is to be learned."""
    pools = _some(metric)
    reach = [_table(metric, metric.function, pool).max() for pool in pools]
    spread = [pool for pool, far in zip(pools, reach, strict=True) if far > ROUNDING * max(reach)]
    if not spread:
        raise CheckSkipped("no two points are apart")
    return spread


def _groups(
    metric: Metric, sizes: Iterable[int] = SIZES
) -> Iterator[tuple[np.ndarray, np.ndarray, np.random.Generator]]:
    """Pools and points of them that belong together, few at first, with the generator that drew them."""
    rng, pools = np.random.default_rng(0), _spread(metric)
    for size in sizes:
        for pool in pools:
            yield pool, rng.permutation(pool)[:size], rng


def _accepts(metric: Metric, point: np.ndarray) -> bool:
    try:
        if metric.check_points is not None:
            metric.check_points(point[np.newaxis])
    except DataError:
        return False
    return True


def _compare(
    metric: Metric, pool: np.ndarray, points: np.ndarray, center: np.ndarray, others: Iterable[np.ndarray]
) -> None:
    """Refuse a centre that costs more than another point, by more than rounding."""
    total = _total(metric, points)
    better = min(others, key=total)
    if not total(center) <= total(better) + DIFFERENT * len(points) * _dearest(metric, pool):
        costs = f"at a total cost of {total(center):.10g}, but {_text(better)} costs {total(better):.10g}"
        refuse(metric, f"its centre rule does not minimise its cost: {_told(points, center)}, {costs}.")


def _unlike_squares(metric: Metric) -> str | None:
    """Where a cost is not the sum of squared differences, or a centre not the mean."""
    for pool in _spread(metric):
        cost, squares = _table(metric, metric.cost or metric.function, pool), ((pool[:, None] - pool) ** 2).sum(axis=2)
        for i, k in np.argwhere(~(np.abs(cost - squares) <= DIFFERENT * squares.max())):
            pair = f"{_text(pool[i])} and {_text(pool[k])} cost {cost[i, k]:.10g}"
            return f"{pair}, the squares of their differences add up to {squares[i, k]:.10g}"
    for pool, points, _ in _groups(metric):
        center = _center(metric, points)
        off = np.abs(center - points.mean(axis=0)).max()
        if not off <= DIFFERENT * np.abs(pool).max():
            return f"{_told(points, center)}, {off:.3g} off their mean"
    return None


def _minimum(total: Callable[[np.ndarray], float], start: np.ndarray, spread: np.ndarray, slack: float) -> np.ndarray:
    """Where Nelder and Mead's search from ``start`` ends; ``spread`` is the scale of each feature."""
    simplex = start + 0.25 * np.vstack([np.zeros_like(start), np.diag(spread)])
    enough = {"xatol": 1e-4 * spread.max(), "fatol": 0.1 * slack, "maxfev": 100 * start.size}
    return minimize(total, start, method="Nelder-Mead", options={"initial_simplex": simplex, **enough}).x


def _total(metric: Metric, points: np.ndarray) -> Callable[[np.ndarray], float]:
    """Total cost of ``points`` as a function of their centre."""
    cost = metric.cost or metric.function

    def total(center: np.ndarray) -> float:
        if not _accepts(metric, center):
            return BEYOND
        found = sum(_number(cost, point, center) for point in points)
        return found if np.isfinite(found) else BEYOND

    return total


def _compiled_total(metric: Metric, points: np.ndarray) -> Callable[[np.ndarray], float]:
    """The same in machine code, where there is a compiler: a minimiser asks for it very often."""
    kernel = metric_kernel(distance_rows, metric, metric.cost or metric.function, points.dtype.name)
    costs = np.empty((len(points), 1), points.dtype)

    def total(center: np.ndarray) -> float:
        if not _accepts(metric, center):
            return BEYOND
        kernel(points, np.ascontiguousarray(center)[np.newaxis], costs)
        found = float(costs.sum())
        return found if np.isfinite(found) else BEYOND

    return total


def _functions(metric: Metric) -> tuple[tuple[str, Callable], ...]:
    return ("distance", metric.function), ("cost", metric.cost or metric.function)


def _dearest(metric: Metric, pool: np.ndarray) -> float:
    return float(_table(metric, metric.cost or metric.function, pool).max())


def _apart(metric: Metric, x: np.ndarray, y: np.ndarray) -> float:
    return _number(metric.function, x, y)


def _number(function: Callable, x: np.ndarray, y: np.ndarray) -> float:
    """function(x, y); NaN where Python's ``math`` raises, as machine code gives."""
    try:
        return float(function(x, y))
    except (ArithmeticError, ValueError):
        return float("nan")


def _table(metric: Metric, function: Callable, pool: np.ndarray) -> np.ndarray:
    """function(x, y) of all pairs, (n, n), in plain Python."""
    X, Y = pool.copy(), pool.copy()
    out = np.array([[_number(function, x, y) for y in Y] for x in X])
    for given in (X, Y):
        for i in np.flatnonzero((given != pool).any(axis=1)):
            refuse(metric, f"it changes the points it is given: {_text(pool[i])} to {_text(given[i])}.")
    return out


def _compiled_table(metric: Metric, function: Callable, pool: np.ndarray) -> np.ndarray:
    """The same as the workbench computes it."""
    out = np.full((len(pool), len(pool)), np.nan, pool.dtype)
    metric_kernel(distance_rows, metric, function, pool.dtype.name)(pool, pool, out)
    return out


def _center(metric: Metric, points: np.ndarray) -> np.ndarray:
    """The centre of ``points``, in plain Python."""
    given, center = points.copy(), np.full(points.shape[1], np.nan)
    metric.center(given, center)
    if (given != points).any():
        refuse(metric, f"its centre rule changes the points it is given: {_text(*points)} to {_text(*given)}.")
    return center


def _valid_center(metric: Metric, points: np.ndarray) -> np.ndarray:
    center = _center(metric, points)
    if not (np.isfinite(center).all() and _accepts(metric, center)):
        refuse(metric, f"{_told(points, center)}, which is no point of this metric.")
    return center


def _compiled_center(metric: Metric, points: np.ndarray) -> np.ndarray:
    """The same as the workbench computes it."""
    center = np.full((1, points.shape[1]), np.nan, points.dtype)
    starts = np.array([0, len(points)])
    metric_kernel(group_centers, metric, metric.center, points.dtype.name)(points.copy(), starts, center)
    return center[0]


def _told(points: np.ndarray, center: np.ndarray) -> str:
    return f"of the points {_text(*points)} the centre rule makes {_text(center)}"


def _text(*points: np.ndarray) -> str:
    return " ".join(f"({', '.join(f'{v:.6g}' for v in point)})" for point in points)
