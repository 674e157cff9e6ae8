"""What is asked of a clusterer, tried on points whose clusters leave no doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, get_args, get_origin

import numpy as np

from workbench.clustering import Clustering
from workbench.errors import WorkbenchError
from workbench.registry import registry
from workbench.specs import Clusterer, Metric
from workbench.testing.checks import CheckSkipped, CheckWarning, raised, refuse
from workbench.testing.instruments.learners import blame_threads, conventions, having, in_threads, own_numbers, seeded

# Two groups of points, 14 apart and less than 1 wide, in directions from the origin that differ as well: whatever the
# metric, and wherever they are moved, they are two. Degrees of latitude and longitude they may be, too.
EACH = 20
PLACES = ((12.0, 2.0), (2.0, 12.0))
WIDTH = 0.1
FAR = (-40.0, -40.0)  # a point that belongs to neither


def check_builds(clusterer: Clusterer) -> None:
    """Called with its options, it gives an unfitted scikit-learn clusterer."""
    model = _new(clusterer)
    if isinstance(model, type) or not callable(getattr(model, "fit", None)):
        refuse(clusterer, f"its function gives {model!r}, which is no estimator: it has no method fit.")
    if hasattr(model, "labels_"):
        refuse(clusterer, "it is fitted before it is given any points: it has labels_.")
    if (fitted := model.fit(_groups()[0])) is not model:
        refuse(clusterer, f"fit returns {type(fitted).__name__}, not the estimator itself.")


def check_input(clusterer: Clusterer) -> None:
    """The points stay as they are, and may be read-only: the jobs of a sweep share them."""
    X = _random(60)
    given = X.copy()
    model = _fit(clusterer, given, n_clusters=3)
    if hasattr(model, "predict"):
        model.predict(given)
    if (given != X).any():
        i = np.flatnonzero((given != X).any(axis=1))[0]
        refuse(clusterer, f"it changes the points it is given: row {i} from {_text(X[i])} to {_text(given[i])}.")
    given.setflags(write=False)
    try:
        model = _fit(clusterer, given, n_clusters=3)
        if hasattr(model, "predict"):
            model.predict(given)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        refuse(clusterer, f"it wants to write to the points it is given: {raised(error)}.")


def check_labels(clusterer: Clusterer) -> str:
    """Every point gets a label: whole numbers from 0 without gaps, and -1 for noise."""
    X, groups = _groups()
    labels = _labels(clusterer, X, n_clusters=2)
    found = np.unique(labels[labels >= 0])
    if len(found) and not np.array_equal(found, np.arange(len(found))):
        refuse(clusterer, f"its labels are {found.tolist()}: clusters are numbered from 0, without gaps.")
    if not _asked(clusterer) and _same(labels, groups):
        *others, lonely = _labels(clusterer, np.vstack([X, FAR]))
        if lonely >= 0 and lonely in others:
            fellow = _text(X[others.index(lonely)])
            refuse(
                clusterer,
                f"{_text(FAR)}, far from all other points, is in cluster {lonely} with {fellow}: noise is labelled -1.",
            )
    noise = np.count_nonzero(labels < 0)
    return f"{len(found)} clusters in two groups of points" + (f", {noise} points noise" if noise else "")


def check_two_groups(clusterer: Clusterer) -> str:
    """Asked for two clusters, it tells two groups of points apart that lie far from each other."""
    X, groups = _groups()
    labels = _labels(clusterer, X, n_clusters=2)
    told = _same(labels, groups)
    if not _asked(clusterer):
        return f"it has no option n_clusters; with its defaults it {'does' if told else 'does not'}"
    if not told:
        refuse(clusterer, f"n_clusters=2: of {_where()} it makes {_clusters(labels, groups)}.")
    return "it does"


def check_n_clusters(clusterer: Clusterer) -> str:
    """It finds as many clusters as it is asked for, and never more."""
    if not _asked(clusterer):
        raise CheckSkipped("it has no option n_clusters")
    one = _labels(clusterer, _groups()[0], n_clusters=1)
    if len(np.unique(one)) != 1:
        refuse(clusterer, f"n_clusters=1: it finds {len(np.unique(one))}.")
    X, fewer = _random(30), {}
    for k in (2, 3, 5):
        model = _fit(clusterer, X, n_clusters=k)
        n = _count(model.labels_)
        if n > k:
            refuse(clusterer, f"n_clusters={k}: it finds {n} in {len(X)} random points.")
        if n < k:
            fewer[k] = n
        if (said := getattr(model, "n_clusters_", n)) != n:
            refuse(clusterer, f"n_clusters_ is {said}, but its labels are of {n} clusters.")
    return "of random points fewer: " + ", ".join(f"{n} of {k}" for k, n in fewer.items()) if fewer else ""


def check_predict(clusterer: Clusterer) -> str:
    """``predict`` gives the points it was fitted to their own labels, and points near them the same."""
    X, groups = _groups()
    model = _fit(clusterer, X, n_clusters=2)
    if not hasattr(model, "predict"):
        raise CheckSkipped("it has no predict")
    _agree(clusterer, model, X, f"fitted to {_where()}")
    if _same(model.labels_, groups):
        for i in (0, EACH):
            new = X[i : i + 1] + WIDTH / 4
            if (found := model.predict(new)).tolist() != [model.labels_[i]]:
                refuse(clusterer, f"{_text(new[0])} lies amid cluster {model.labels_[i]}, but predict says {found}.")
    X = _line_and_heap()
    _agree(clusterer, _fit(clusterer, X, n_clusters=2), X, "fitted to a line of points and a heap beside it")
    compared = [{}, *({"metric": metric} for metric in _others(clusterer, "manhattan"))]
    for options in compared:
        X = _random(100) * (1, 5)
        model = _fit_or_none(clusterer, X, n_clusters=4, **options)
        if model is not None and (model.labels_ >= 0).all():  # what is noise depends on who is there
            given = "".join(f"{name}={value!r}: " for name, value in options.items())
            _agree(clusterer, model, X, f"{given}fitted to random points")
    return "with other metrics, too" if len(compared) > 1 else ""


def check_inertia(clusterer: Clusterer) -> str:
    """``inertia_`` is what all points cost at the centres of their clusters, added up."""
    X = _random(60)
    compared = ["", *_others(clusterer, "manhattan")]
    for metric in compared:
        model = _fit_or_none(clusterer, X, n_clusters=3, **({"metric": metric} if metric else {}))
        if model is None:
            continue
        inertia, centers = getattr(model, "inertia_", None), getattr(model, "cluster_centers_", None)
        if inertia is None or centers is None:
            raise CheckSkipped("it has no centres and inertia")
        if np.shape(centers)[1:] != X.shape[1:] or not np.isfinite(centers).all():
            refuse(clusterer, f"cluster_centers_ has shape {np.shape(centers)}, or is not finite.")
        what, cost = _cost(model)
        own = [cost(x, centers[label]) for x, label in zip(X, model.labels_, strict=True) if label >= 0]
        if not np.isclose(inertia, sum(own), rtol=1e-6):
            from_centres = f"the {what} of {len(own)} random points from their centres adds up to {sum(own):.6g}"
            refuse(clusterer, f"inertia_ is {inertia:.6g}, but {from_centres}.")
    return what


def check_metric_option(clusterer: Clusterer) -> str:
    """Its option ``metric`` is the metric that points are compared by."""
    if not _others(clusterer, "cosine"):
        raise CheckSkipped("it has no option metric")
    X, rays = _rays()
    options = next((each for each in _choices(clusterer) if _fit_or_none(clusterer, X, metric="cosine", **each)), None)
    if options is None:
        raise CheckSkipped("it refuses metric='cosine'")
    by_direction = _labels(clusterer, X, n_clusters=2, metric="cosine", **options)
    if _asked(clusterer):
        if not _same(by_direction, rays):
            refuse(
                clusterer,
                f"n_clusters=2, metric='cosine': of points in two directions it makes {_clusters(by_direction, rays)}.",
            )
    elif np.array_equal(by_direction, _labels(clusterer, X, **options)):
        refuse(clusterer, "metric='cosine' gives of points in two directions the same labels as its default.")
    return f"tried with points in two directions{''.join(f', {key}={value!r}' for key, value in options.items())}"


def check_invariance(clusterer: Clusterer) -> str:
    """Two groups far apart stay two, whatever the order of points and features, their place and scale."""
    X, groups = _groups()
    if not _same(_labels(clusterer, X, n_clusters=2), groups):
        raise CheckSkipped("it does not tell two groups apart")
    order = np.random.default_rng(1).permutation(len(X))
    changed = {
        "in another order": (X[order], groups[order]),
        "with their features in another order": (X[:, ::-1], groups),
        "moved": (X + 4.0, groups),
        "four times as large": (4 * X, groups),
        "each of them twice": (np.repeat(X, 2, axis=0), np.repeat(groups, 2)),
    }
    # A method without n_clusters may know an absolute length, or how many points make a cluster.
    demanded = changed if _asked(clusterer) else list(changed)[:2]
    differ = []
    for how, (points, kept) in changed.items():
        labels = _labels(clusterer, points, n_clusters=2)
        if _same(labels, kept):
            continue
        if how in demanded:
            refuse(clusterer, f"of {_where()} it makes two clusters, but {how} it makes {_clusters(labels, kept)}.")
        differ.append(how)
    return f"not so if {', or '.join(differ)}, which is allowed without n_clusters" if differ else ""


def check_seed(clusterer: Clusterer) -> None:
    """The same seed gives the same bits, whatever else draws random numbers, and another one need not."""
    X = _random(150)

    def fit(seed: int) -> Any:
        return _fit(clusterer, X, n_clusters=8, **seeded(clusterer, seed))

    with own_numbers(clusterer):
        first = fit(3)
    if differ := _differ(first, fit(3)):
        seed = ", ".join(f"{name}=3" for name in seeded(clusterer, 3))
        refuse(clusterer, f"fitted twice to the same points{f' with {seed}' if seed else ''}, {differ} differs.")
    if seeded(clusterer, 3) and not any(_differ(first, fit(seed)) for seed in (0, 1, 2)):
        raise CheckWarning(f"its option {next(iter(seeded(clusterer, 3)))} makes no difference on 150 random points.")


def check_float32(clusterer: Clusterer) -> None:
    """It takes float32, and finds what it finds in float64 where there is no doubt."""
    X, groups = _groups()
    wide, narrow = (_labels(clusterer, X.astype(dtype), n_clusters=2) for dtype in (np.float64, np.float32))
    if _same(wide, groups) and not _same(narrow, groups):
        refuse(clusterer, f"of {_where()} it makes {_clusters(narrow, groups)} in float32.")


def check_few_points(clusterer: Clusterer) -> str:
    """Of few points, or points that hardly differ, it gives labels, or a ValueError that says why not."""
    line = np.concatenate([np.linspace(0, 1, 10), np.linspace(50, 51, 10)])[:, np.newaxis]
    cases = {
        "one point": (np.array([[0.1, 0.2]]), 1),
        "two points": (np.array([[0.0, 1.0], [1.0, 0.0]]), 1),
        "more clusters than points": (np.array([[0.0, 1.0], [1.0, 0.0], [3.0, 3.0]]), 5),
        "all points at one place": (np.full((7, 2), 0.3), 2),
        "one feature": (line, 2),
        "a constant feature": (np.hstack([line, np.full_like(line, 0.7)]), 2),
    }
    refused = []
    for what, (X, k) in cases.items():
        try:
            model = _fit(clusterer, X, n_clusters=k)
            _check_shape(clusterer, model, X, f" of {what}")
            if not np.isfinite(getattr(model, "cluster_centers_", 0.0)).all():
                refuse(clusterer, f"of {what} it makes centres that are not finite.")
        except ValueError as error:  # a DataError or ConfigError is one
            if not str(error):
                refuse(clusterer, f"of {what} it raises {type(error).__name__} without a word.")
            refused.append(what)
        except WorkbenchError:
            raise
        except Exception as error:
            asked = f", n_clusters={k}" if _asked(clusterer) else ""
            refuse(clusterer, f"{what}{asked}: {raised(error)}; a DataError should say what is wrong.")
    return f"refused: {', '.join(refused)}" if refused else ""


def check_threads(clusterer: Clusterer) -> str:
    """It gives the same bits with one thread and with two."""
    divided = "threads" in clusterer.options
    rng = np.random.default_rng(0)  # many points where it divides them itself, many features for matrix products
    X = rng.normal(size=(12_000, 3) if divided else (600, 32))
    one, two = in_threads(clusterer, lambda options: _fit(clusterer, X, n_clusters=5, **options))
    if differ := _differ(one, two):
        blame_threads(clusterer, f"{differ} differs on {len(X)} points", rounding=differ != "labels_")
    return "its option threads" if divided else "threads of BLAS and OpenMP"


def check_scikit_learn(clusterer: Clusterer) -> str:
    """It passes scikit-learn's own ``check_estimator``."""
    return conventions(clusterer, _new(clusterer, n_clusters=3))


CHECKS = (
    check_builds,
    check_input,
    check_labels,
    check_two_groups,
    check_n_clusters,
    check_predict,
    check_inertia,
    check_metric_option,
    check_invariance,
    check_seed,
    check_float32,
    check_few_points,
    check_threads,
    check_scikit_learn,
)


def _new(clusterer: Clusterer, **wanted: Any) -> Any:
    return clusterer(**having(clusterer, **wanted))


def _fit(clusterer: Clusterer, X: np.ndarray, **wanted: Any) -> Any:
    return _new(clusterer, **wanted).fit(X)


def _fit_or_none(clusterer: Clusterer, X: np.ndarray, **wanted: Any) -> Any:
    """None where these options do not go together, which scikit-learn says by a ValueError."""
    try:
        return _fit(clusterer, X, **wanted)
    except (WorkbenchError, ValueError):
        return None


def _labels(clusterer: Clusterer, X: np.ndarray, **wanted: Any) -> np.ndarray:
    return _check_shape(clusterer, _fit(clusterer, X, **wanted), X)


def _check_shape(clusterer: Clusterer, model: Any, X: np.ndarray, of: str = "") -> np.ndarray:
    """The labels of a fitted model, if they can be some."""
    if not hasattr(model, "labels_"):
        refuse(clusterer, "fitted, it has no labels_.")
    labels = np.asarray(model.labels_)
    if labels.shape != (len(X),) or labels.dtype.kind not in "iu":
        refuse(
            clusterer,
            f"labels_{of} is {labels.dtype} of shape {labels.shape}; {len(X)} points need whole numbers ({len(X)},).",
        )
    if labels.min() < -1:
        refuse(clusterer, f"a label{of} is {labels.min()}; clusters count from 0, and -1 is noise.")
    return labels


def _asked(clusterer: Clusterer) -> bool:
    """Whether it is told how many clusters there are."""
    return "n_clusters" in clusterer.options


def _others(clusterer: Clusterer, metric: str) -> list[str]:
    """This metric, if it is registered and the clusterer takes one."""
    option = clusterer.options.get("metric")
    known = registry().names("metric")
    return [metric] if option is not None and option.default in known and metric in known else []


def _choices(clusterer: Clusterer) -> Iterator[dict[str, str]]:
    """Its defaults, then each choice between names made otherwise."""
    yield {}
    for name, option in clusterer.options.items():
        if get_origin(option.annotation) is Literal:
            yield from ({name: value} for value in get_args(option.annotation))


def _cost(model: Any) -> tuple[str, Callable]:
    """What an inertia adds up, in words and as a function of a point and its centre."""
    found = getattr(model, "_clustering", None)
    name = found.metric if isinstance(found, Clustering) else getattr(model, "metric", "euclidean")
    if name not in registry().names("metric"):
        raise CheckSkipped(f"what its metric {name!r} costs is not known here")
    metric: Metric = registry().get("metric", name)
    if isinstance(found, Clustering) and found.adds == "distance" or metric.cost is None:
        return f"{name} distance", metric.function
    return f"{name} cost", metric.cost


def _agree(clusterer: Clusterer, model: Any, X: np.ndarray, what: str) -> None:
    before = model.labels_.copy()
    found = np.asarray(model.predict(X))
    if found.shape != (len(X),) or found.dtype.kind not in "iu":
        refuse(clusterer, f"predict gives {found.dtype} of shape {found.shape} for {len(X)} points.")
    if not np.array_equal(before, model.labels_):
        refuse(clusterer, "predict changes labels_.")
    if len(differ := np.flatnonzero(found != model.labels_)):
        i = differ[0]
        point = f"{_text(X[i])} has the label {model.labels_[i]}, but predict says {found[i]}"
        refuse(clusterer, f"{what}, {len(differ)} of {len(X)} points are predicted another cluster: {point}.")


def _differ(a: Any, b: Any) -> str:
    """The first of a fitted model's results that is not the same, bit by bit; "" if all are."""
    for name in ("labels_", "cluster_centers_", "inertia_", "n_iter_"):
        one, other = (np.asarray(getattr(model, name, 0), dtype=float) for model in (a, b))
        if not np.array_equal(one, other, equal_nan=True):
            return name
    return ""


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two labellings part the points in the same way, noise being a part like any other."""
    pairs = len(set(zip(a.tolist(), b.tolist(), strict=True)))
    return pairs == len(set(a.tolist())) == len(set(b.tolist()))


def _count(labels: np.ndarray) -> int:
    return len(np.unique(labels[labels >= 0]))


def _groups() -> tuple[np.ndarray, np.ndarray]:
    """Points (2 * EACH, 2) in two groups, and which group each belongs to."""
    spread = np.random.default_rng(0).normal(0, WIDTH, (2, EACH, 2))
    return (np.array(PLACES)[:, np.newaxis] + spread).reshape(-1, 2), np.repeat([0, 1], EACH)


def _line_and_heap() -> np.ndarray:
    """A line of points, and a heap beside one end that is nearer to it than the line's own middle."""
    rng = np.random.default_rng(0)
    line = np.column_stack([np.linspace(1, 13, 120), rng.normal(1, 0.02, 120)])
    return np.vstack([line, rng.normal((12.5, 3.5), 0.1, (40, 2))])


def _rays() -> tuple[np.ndarray, np.ndarray]:
    """Points in two directions, near the origin and, in the first, far away; and in which direction each is."""
    near, far = np.linspace(1, 2, 11), np.linspace(8, 9, 11)
    lengths, direction = np.concatenate([near, far, near]), np.repeat([0, 0, 1], 11)
    angle = np.radians(5 + 75 * direction)
    return lengths[:, np.newaxis] * np.column_stack([np.cos(angle), np.sin(angle)]), direction


def _random(n: int) -> np.ndarray:
    return np.random.default_rng(2).uniform(-5, 5, (n, 2))


def _where() -> str:
    return f"{EACH} points at {PLACES[0]} and {EACH} at {PLACES[1]}, within {3 * WIDTH:g} of it"


def _clusters(labels: np.ndarray, groups: np.ndarray) -> str:
    """``"3 clusters, in which the groups have 17 + 0, 3 + 0 and 0 + 20 points"``."""
    shares = [" + ".join(str(np.count_nonzero(groups[labels == each] == g)) for g in (0, 1)) for each in set(labels)]
    if len(shares) == 1:
        return f"a single cluster of {len(labels)} points"
    said = f"{', '.join(shares[:-1])} and {shares[-1]}"
    return f"{len(shares)} clusters, in which the groups have {said} points"


def _text(point: Iterable[float]) -> str:
    return f"({', '.join(f'{v:.4g}' for v in point)})"
