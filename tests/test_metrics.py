"""Metrics and their centre rules against SciPy, scikit-learn and formulas; nearest centres and threads; row K3."""

import math
import os
import re

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics.pairwise import haversine_distances

from workbench import Metric, get
from workbench.clustering.metric import ROWS, centers_of, distances, metric_for, nearest
from workbench.errors import DataError, UnknownName
from workbench.jit.retarget import retarget
from workbench.registry import registry
from workbench.testing import CheckFailed, CheckWarning, checks_of
from workbench.testing.kinds.metric import check_arrays, check_squared_euclidean

NAMES = registry().names("metric")
RADIUS = 6371.0088
every_metric = pytest.mark.parametrize("name", NAMES)
both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])

EUCLIDEAN, MANHATTAN, HAVERSINE = (get("metric", name) for name in ("euclidean", "manhattan", "haversine"))
euclidean, squared, mean = EUCLIDEAN.function, EUCLIDEAN.cost, EUCLIDEAN.center
manhattan, median = MANHATTAN.function, MANHATTAN.center


def great_circle(X, Y):
    return RADIUS * haversine_distances(np.radians(X), np.radians(Y))


DISTANCE = {
    "cosine": lambda X, Y: cdist(X, Y, "cosine"),
    "euclidean": cdist,
    "haversine": great_circle,
    "manhattan": lambda X, Y: cdist(X, Y, "cityblock"),
}
COST = DISTANCE | {
    "euclidean": lambda X, Y: cdist(X, Y, "sqeuclidean"),
    "haversine": lambda X, Y: (2 * RADIUS * np.sin(great_circle(X, Y) / (2 * RADIUS))) ** 2,
}


def draw(name, n, dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    points = rng.uniform((-90, -180), (90, 180), (n, 2)) if name == "haversine" else rng.normal(size=(n, 3))
    return points.astype(dtype)


def center(name, points, dtype="float64"):
    points = np.array(points, dtype)
    return centers_of(points, np.zeros(len(points), np.int64), 1, name)[0]


def spherical_mean(places):
    latitude, longitude = np.radians(places.astype(float)).T
    towards = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    x, y, z = np.mean(towards, axis=1)
    return np.degrees([math.atan2(z, math.hypot(x, y)), math.atan2(y, x)])


def naive_nearest(costs):
    """The first of the cheapest centres, and its cost."""
    labels = [min(range(len(row)), key=row.__getitem__) for row in costs.tolist()]
    return labels, costs[np.arange(len(labels)), labels]


@both_precisions
@pytest.mark.parametrize("name", DISTANCE)
def test_K3_distances_are_those_of_scipy_and_scikit_learn(name, dtype):
    X, Y = draw(name, 40, dtype), draw(name, 30, dtype, seed=1)
    got = distances(X, Y, name)
    assert got.dtype == dtype
    rtol, atol = {"float32": (3e-6, 3e-7), "float64": (1e-13, 1e-14)}[dtype]
    np.testing.assert_allclose(got, DISTANCE[name](X.astype(float), Y.astype(float)), rtol=rtol, atol=atol)


def test_every_built_in_has_a_reference():
    built_in = {entry.spec.name for entry in registry().entries() if entry.origin == "built-in"}
    assert set(DISTANCE) == set(NAMES) & built_in


@every_metric
def test_K3_distances_of_many_points_are_those_of_few(name):
    X, Y = draw(name, ROWS + 5), draw(name, 3, seed=1)
    np.testing.assert_array_equal(distances(X, Y, name)[-7:], distances(X[-7:], Y, name))


@pytest.mark.parametrize(
    ("x", "y", "km"),
    [
        ((48.8566, 2.3522), (51.5074, -0.1278), 343.5565),  # Paris, London
        ((0, 179.5), (0, -179.5), RADIUS * math.pi / 180),  # a degree, across the date line
        ((90, 0), (0, 77), RADIUS * math.pi / 2),
        ((90, 20), (90, -100), 0),
        ((10, 20), (-10, -160), RADIUS * math.pi),
    ],
)
def test_K3_haversine_of_known_pairs(x, y, km):
    (got,) = distances(np.array([x], float), np.array([y], float), "haversine")
    assert got == pytest.approx(km, abs=5e-4)


def test_K3_haversine_costs_the_squared_distance_of_near_points():
    """The chord of an angle θ is θ (1 - θ²/24 + ...), so that squares differ by θ²/12."""
    x = np.array([37.78, -122.4])
    for angle in (1e-4, 1e-2, 1):
        y = x + (angle, 0)
        squared = HAVERSINE.function(x, y) ** 2
        assert HAVERSINE.cost(x, y) == pytest.approx(squared * (1 - math.radians(angle) ** 2 / 12), rel=1e-8)


def test_K3_haversine_in_float32_is_good_to_a_metre():
    """Half the spacing of float32 at (37.78, -122.4) is 0.21 m of latitude and 0.34 m of longitude."""
    rng = np.random.default_rng(0)
    places = (37.78, -122.4) + 1e-4 * rng.normal(size=(50, 2))
    kept = places.astype(np.float32)
    assert np.diag(great_circle(places, kept.astype(float))).max() < 0.41e-3
    np.testing.assert_allclose(
        distances(kept, kept, "haversine"), great_circle(kept.astype(float), kept.astype(float)), rtol=2e-6, atol=1e-12
    )
    assert great_circle([center("haversine", kept, "float32")], [spherical_mean(kept)]) < 1.5e-3


@every_metric
def test_K3_float32_is_never_widened_on_the_way_to_the_nearest(name):
    metric = get("metric", name)
    for function in (metric.function, metric.cost or metric.function):
        compiled = retarget(function, "float32")
        compiled(*np.ones((2, 2), np.float32))
        (signature,) = compiled.nopython_signatures
        assert str(signature.return_type) == "float32"
        assert "double" not in compiled.inspect_llvm(signature.args).partition("define")[2].partition("\n}\n")[0]


def test_K3_cosine_does_not_cancel_where_directions_are_close():
    x, angle = np.array([[1.0, 0.0]]), 1e-7
    y = np.array([[3 * math.cos(angle), 3 * math.sin(angle)]])
    assert distances(x, y, "cosine") == pytest.approx(angle**2 / 2, rel=1e-9)
    assert distances(x, 3 * x, "cosine") < 1e-30


@both_precisions
def test_K3_centres_are_those_of_the_formulas(dtype):
    points, places = draw("euclidean", 51, dtype), draw("haversine", 51, dtype)
    precise, tolerance = points.astype(float), {"float32": 1e-6, "float64": 1e-14}[dtype]
    directions = (precise / np.linalg.norm(precise, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(center("euclidean", points, dtype), precise.mean(axis=0), atol=tolerance)
    np.testing.assert_array_equal(center("manhattan", points, dtype), np.median(points, axis=0))
    np.testing.assert_allclose(
        center("cosine", points, dtype), directions / np.linalg.norm(directions), atol=3 * tolerance
    )
    off = great_circle([center("haversine", places, dtype)], [spherical_mean(places)])
    assert off < {"float32": 1.5e-3, "float64": 1e-11}[dtype]


def test_K3_median_of_an_even_number_is_the_middle_of_the_two_in_the_middle():
    np.testing.assert_array_equal(center("manhattan", [[7, 0], [1, 0], [2, 0], [4, 5]]), [3, 0])


def test_K3_mean_of_many_in_float32_is_that_in_float64():
    points = np.random.default_rng(0).uniform(999, 1001, (10**6, 1)).astype(np.float32)
    assert center("euclidean", points, "float32") == pytest.approx(points.mean(dtype=float), rel=1e-7)


def test_K3_spherical_mean_across_the_date_line_and_over_the_pole():
    latitude, longitude = center("haversine", [[10, 179], [10, -179]])
    assert abs(longitude) == pytest.approx(180)
    assert latitude == pytest.approx(math.degrees(math.atan(math.tan(math.radians(10)) / math.cos(math.radians(1)))))
    assert center("haversine", [[80, 0], [80, 90], [80, 180], [80, -90]])[0] == pytest.approx(90)


def test_K3_no_place_on_a_grid_costs_less_than_the_spherical_mean():
    places = draw("haversine", 5)
    grid = np.stack(np.meshgrid(np.arange(-90, 91.0), np.arange(-180, 181.0)), axis=-1).reshape(-1, 2)
    on_grid = COST["haversine"](grid, places).sum(axis=1)
    least = COST["haversine"](center("haversine", places)[np.newaxis], places).sum()
    assert least < on_grid.min() < least * (1 + 1e-4)


@both_precisions
def test_K3_where_directions_cancel_the_first_is_the_centre(dtype):
    for places in ([[10, 20], [-10, -160]], [[90, 0], [-90, 0]], [[0, 60], [0, 180], [0, -60]]):
        np.testing.assert_array_equal(center("haversine", places, dtype), np.array(places[0], dtype))
    np.testing.assert_allclose(center("cosine", [[3, 4], [-6, -8]], dtype), [0.6, 0.8], rtol=1e-6)


@every_metric
@pytest.mark.parametrize("n", [1, 7, ROWS, 2 * ROWS + 3])
def test_nearest_is_the_first_of_the_cheapest(name, n):
    X, centers = draw(name, n), draw(name, 6, seed=1)
    centers = centers[[0, 1, 2, 1, 3, 0, 4, 5]]
    labels, costs = nearest(X, centers, name)
    expected, least = naive_nearest(COST[name](X, centers)) if name in COST else (labels, costs)
    assert labels.dtype == np.int32
    assert not {3, 5} & set(labels.tolist())
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(costs, least, rtol=1e-11, atol=1e-14)


@both_precisions
@pytest.mark.parametrize("name", ["euclidean", "manhattan"])
def test_nearest_of_whole_numbers_half_way_between_centres(name, dtype):
    grid = np.stack(np.meshgrid(np.arange(-20, 21), np.arange(-20, 21)), axis=-1).reshape(-1, 2).astype(dtype)
    centers = np.array([[10, 10], [-10, 10], [10, -10], [-10, -10], [0, 0], [10, 10]], dtype)
    labels, costs = nearest(grid, centers, name)
    expected, least = naive_nearest(COST[name](grid, centers))
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(costs, least)


@every_metric
@both_precisions
def test_threads_do_not_change_a_bit(name, dtype, monkeypatch):
    X, centers = draw(name, 3 * ROWS + 1, dtype), draw(name, 5, dtype, seed=1)
    found = []
    for threads in (1, 2):
        monkeypatch.setattr(os, "sched_getaffinity", lambda pid, threads=threads: set(range(threads)), raising=False)
        found.append((*nearest(X, centers, name), distances(X, centers, name)))
    for one, two in zip(*found, strict=True):
        np.testing.assert_array_equal(one, two)


@every_metric
def test_centres_of_groups_of_which_some_are_empty(name):
    X = draw(name, 50)
    labels = np.random.default_rng(2).choice(np.array([1, 2, 4], np.int32), 50)
    before = X.copy()
    centers = centers_of(X, labels, 6, name)
    np.testing.assert_array_equal(X, before)
    np.testing.assert_array_equal(
        np.isnan(centers), np.isin(np.arange(6), [0, 3, 5])[:, np.newaxis] & [True] * X.shape[1]
    )
    for group in (1, 2, 4):
        np.testing.assert_array_equal(centers[group], center(name, X[labels == group]))


@pytest.mark.parametrize(
    ("name", "points", "message"),
    [
        ("haversine", [[0, 0], [90, -180], [91.5, 0]], "row 2 has latitude 91.5, outside [-90, 90]"),
        ("haversine", [[0, 0], [-122.4, 37.8]], "(latitude, longitude) in degrees: row 1 has latitude -122.4,"),
        ("haversine", [[0, 180], [0, 180.25]], "row 1 has longitude 180.25, outside [-180, 180]"),
        ("haversine", [[0, math.nan]], "row 0 has longitude nan,"),
        ("haversine", [[1, 2, 3]], "needs 2 features a point, X has 3."),
        ("cosine", [[1, 0], [0, 0], [0, 0]], "the squared length of row 1 is 0: it has no direction."),
        ("cosine", [[1, 0], [1e-170, 0]], "the squared length of row 1 is beyond the range of its numbers."),
        ("cosine", [[1e200, 0]], "the squared length of row 0 is beyond the range of its numbers."),
    ],
)
def test_K3_points_without_such_a_distance_are_refused(name, points, message):
    with pytest.raises(DataError, match=f"^metric '{name}'.*{re.escape(message)}"):
        metric_for(name, np.array(points, float))


def test_K3_points_on_the_edge_are_accepted():
    assert metric_for("haversine", np.array([[90.0, 180.0], [-90.0, -180.0]])) == HAVERSINE
    assert metric_for("cosine", np.array([[1e-153, 0], [0, 1e154]])).name == "cosine"
    assert metric_for("euclidean", np.zeros((1, 7))).squared_euclidean


def test_an_unknown_metric_is_refused_by_name():
    with pytest.raises(UnknownName, match="euclidean"):
        metric_for("euclidian", np.zeros((1, 2)))


def lower(points, center):
    """A median, but of an even number the lower of the two in the middle."""
    for j in range(center.size):
        center[j] = np.sort(points[:, j])[(len(points) - 1) // 2]


def off_by_one(points, center):
    for j in range(center.size):
        center[j] = np.sort(points[:, j])[max(len(points) // 2 - 1, 0)]


def first_in_the_middle(points, center):
    """Of the two in the middle that which comes first: as cheap as any, but it depends on the order."""
    for j in range(center.size):
        ranked = np.argsort(points[:, j])
        center[j] = points[min(ranked[(len(points) - 1) // 2], ranked[len(points) // 2]), j]


def sorting(points, center):
    for j in range(center.size):
        points[:, j].sort()
        center[j] = points[(len(points) - 1) // 2, j]


def origin(points, center):
    center[:] = 0


def nearly_the_mean(points, center):
    mean(points, center)
    if len(points) > 1:
        center[0] += 1e-6


def boundless(points, center):
    center[:] = np.inf


def falling(x, y):
    return 1 / (1 + euclidean(x, y))


def uphill(x, y):
    return manhattan(x, y) + max(x[0] - y[0], 0)


def shifted(x, y):
    return 1 + manhattan(x, y)


def below(x, y):
    return -manhattan(x, y)


def root(x, y):
    return math.sqrt(x[0] * y[0]) * manhattan(x, y)


def halving(x, y):
    far = manhattan(x, y)
    x[0] = 0.5 * x[0]
    return far


def misspelt(x, y):
    return mahnattan(x, y)  # noqa: F821


def all_but_the_last(x, y):
    return manhattan(x[:-1], y[:-1]) if x.size > 1 else manhattan(x, y)


def unlimited(x, y):
    """The haversine formula, where rounding may ask for the arc sine of a little more than one."""
    return 2 * RADIUS * math.asin(math.sqrt(HAVERSINE.cost(x, y)) / (2 * RADIUS))


def all_but_one(points, center):
    for j in range(center.size - 1):
        center[j] = np.median(points[:, j])


def one_too_many(points, center):
    for j in range(center.size + 1):
        center[j] = 0.0 if j == center.size else np.median(points[:, j])


def double(x, y):
    return 2 * squared(x, y)


def fourth_power(x, y):
    return squared(x, y) ** 2


def coarse(x, y):
    """Loses in float32 what it keeps in float64."""
    return (manhattan(x, y) + 1e7) - 1e7


def overflowing(x, y):
    """2^64 and more in Python, 0 in machine code."""
    return manhattan(x, y) * (1 if 2 ** (63 + x.size) > 0 else 2)


def nothing(x, y):
    return 0.0 * x[0]


def nobody(X):
    raise DataError("never")


def positive(X):
    if (X <= 0).any():
        raise DataError("not positive")


PLACES = {"n_features": 2, "check_points": HAVERSINE.check_points}
MANHATTAN_MEAN = Metric("mine", manhattan, mean)
FOURTH_POWER_MEAN = Metric("mine", euclidean, mean, fourth_power)
WRONG = {
    "manhattan with the mean": (
        MANHATTAN_MEAN,
        "its centre rule does not minimise its cost: of the points .* the centre rule makes .*, at a total cost of ",
    ),
    "unsquared euclidean with the mean": (Metric("mine", euclidean, mean), "does not minimise"),
    "haversine with the mean of degrees": (
        Metric("mine", HAVERSINE.function, mean, HAVERSINE.cost, **PLACES),
        "does not minimise",
    ),
    "unsquared haversine with the spherical mean": (
        Metric("mine", HAVERSINE.function, HAVERSINE.center, **PLACES),
        "does not minimise",
    ),
    "a median off by one": (Metric("mine", manhattan, off_by_one), "does not minimise"),
    "a median that depends on the order": (
        Metric("mine", manhattan, first_in_the_middle),
        "of the points .* the centre rule makes .*, but in the order .* it makes ",
    ),
    "a rule that sorts its points": (Metric("mine", manhattan, sorting), "changes the points it is given"),
    "a rule for which one point is not enough": (
        Metric("mine", manhattan, origin),
        "of the single point .* the centre rule makes .0.*, not the point",
    ),
    "a centre at infinity": (Metric("mine", manhattan, boundless), "which is no point of this metric"),
    "a centre that check_points refuses": (
        Metric("mine", manhattan, origin, check_points=positive),
        r"the centre rule makes \(0\), which is no point of this metric",
    ),
    "a cost that falls with the distance": (
        Metric("mine", euclidean, mean, falling),
        "the cost does not rise with the distance: .* are 0 apart and cost 1, .* apart and cost 0",
    ),
    "a distance that is longer uphill": (Metric("mine", uphill, median), r"the distance from .* is \S+, the other way"),
    "a distance from itself": (Metric("mine", shifted, median), "from itself is 1, not 0"),
    "a negative distance": (Metric("mine", below, median), "is negative, -"),
    "a distance that is no number": (Metric("mine", root, median), "is nan; check_points must refuse"),
    "a distance that changes its points": (
        Metric("mine", halving, median),
        r"it changes the points it is given: \(.*\) to \(.*\)",
    ),
    "a distance that raises": (Metric("mine", misspelt, median), r"line \d+: NameError: name 'mahnattan'"),
    "a distance that overlooks a feature": (
        Metric("mine", all_but_the_last, median),
        "of 2 features, the one with index 1 makes no difference to any distance",
    ),
    "an arc of more than one": (
        Metric("mine", unlimited, HAVERSINE.center, HAVERSINE.cost, **PLACES),
        "the distance from .* to .* is nan",
    ),
    "a centre that is not filled": (Metric("mine", manhattan, all_but_one), "nan.*, which is no point of this metric"),
    "a centre with one feature too many": (Metric("mine", manhattan, one_too_many), r"line \d+: IndexError"),
    "squared_euclidean with another cost": (
        Metric("mine", euclidean, mean, double, squared_euclidean=True),
        "squared_euclidean is not true: .* cost .* add up to",
    ),
    "squared_euclidean with nearly the mean": (
        Metric("mine", euclidean, nearly_the_mean, squared, squared_euclidean=True),
        "squared_euclidean is not true: .* the centre rule makes .*, 1e-06 off their mean",
    ),
    "another result in float32": (Metric("mine", coarse, median, n_features=1), "in float32, .* in float64"),
    "another result in plain Python": (
        Metric("mine", overflowing, median, n_features=1),
        "compiled, .* in plain Python",
    ),
    "no distance at all": (Metric("mine", nothing, median), "all points are at distance 0"),
    "points that nobody has": (
        Metric("mine", manhattan, median, check_points=nobody),
        "check_points accepts no points tried",
    ),
}


def refusal(metric):
    """What the first check that fails says; None if none does."""
    outcomes = (check.outcome() for check in checks_of(metric))
    return next((outcome.text for outcome in outcomes if outcome.status == "failed"), None)


@pytest.mark.parametrize("wrong", WRONG)
def test_K3_a_wrong_metric_is_refused_with_a_counterexample(wrong):
    metric, message = WRONG[wrong]
    assert re.search(message, refusal(metric))


@pytest.mark.parametrize(("metric", "searched"), [(MANHATTAN_MEAN, False), (FOURTH_POWER_MEAN, True)])
def test_K3_the_counterexample_holds_and_no_smaller_one_exists(metric, searched):
    """Of one or two points the mean is right for both, so that three it must be."""
    said = refusal(metric)
    *points, center, better = ([float(v) for v in text.split(",")] for text in re.findall(r"\((.*?)\)", said))
    claimed = [float(number) for number in re.findall(r"costs? (?:of )?(\d\S*?)[,.]?(?: |$)", said)]
    assert len(points) == 3
    np.testing.assert_allclose(center, np.mean(points, axis=0), rtol=1e-5)
    cost = metric.cost or metric.function
    totals = [sum(cost(np.array(x), np.array(each)) for x in points) for each in (center, better)]
    assert totals == pytest.approx(claimed, rel=1e-5)
    assert totals[1] < totals[0]
    assert searched == (better not in points)


def test_K3_any_of_several_centres_of_least_cost_will_do():
    assert refusal(Metric("mine", manhattan, lower, n_features=2)) is None


@pytest.mark.parametrize(
    ("center", "message"),
    [
        (one_too_many, "writes outside its arrays: 1 place past the end of center"),
        (all_but_one, r"leaves center\[0\] of 1 features unwritten"),
        (sorting, r"its centre rule changes the points it is given: points\[0, 0\]"),
    ],
)
def test_K3_what_machine_code_writes_beside_the_centre_or_leaves_unwritten_is_told(center, message):
    with pytest.raises(CheckFailed, match=message):
        check_arrays(Metric("mine", manhattan, center))


def test_K3_a_metric_that_could_be_faster_is_told_so():
    with pytest.raises(CheckWarning, match="say squared_euclidean=True"):
        check_squared_euclidean(Metric("mine", euclidean, mean, squared))
    assert refusal(Metric("mine", euclidean, mean, squared, n_features=2)) is None
