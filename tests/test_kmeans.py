"""k-means: scikit-learn's results step by step, whichever way it is computed; its history, its edges, its bits."""

import os
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core import config
from scipy import sparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import workbench as wb
from workbench.clustering import lloyd as plain
from workbench.clustering.algorithms import ALGORITHMS, choose, partition
from workbench.clustering.euclidean import euclidean
from workbench.clustering.file import load, save
from workbench.clustering.metric import ROWS
from workbench.clustering.seeding import initial_centers
from workbench.errors import ConfigError, DataError

compiled = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1: nothing is compiled")
HERE = ["lloyd"] if config.DISABLE_JIT else list(ALGORITHMS)
DATASETS = {  # the number of clusters asked for in each
    "outlets": 3, "blobs": 3, "moons": 2, "circles": 2, "anisotropic": 3, "digits": 10, "iris": 3, "wine": 3,
}  # fmt: skip
EXACT = 1e-6  # centres, relative; scikit-learn forms distances by a matrix product, we partly by differences


def kmeans(**options):
    return wb.get("clusterer", "kmeans")(**options)


def points(name):
    return np.ascontiguousarray(wb.get("dataset", name).function().X, dtype=np.float64)


def start(X, k, seed=0):
    return X[np.random.default_rng(seed).choice(len(X), k, replace=False)].copy()


def uniform(n, d, dtype=np.float64, seed=0):
    return np.random.default_rng(seed).random((n, d)).astype(dtype)


def theirs(X, centers, **options):
    return KMeans(len(centers), init=centers, n_init=1, **options).fit(X)


def same(found, expected, tolerance=EXACT):
    np.testing.assert_array_equal(found.labels, expected.labels_)
    scale = abs(expected.cluster_centers_).max()
    np.testing.assert_allclose(found.centers, expected.cluster_centers_, atol=tolerance * scale, rtol=0)
    np.testing.assert_allclose(found.inertia, expected.inertia_, rtol=tolerance)


@pytest.mark.parametrize("algorithm", HERE)
@pytest.mark.parametrize("name", DATASETS)
def test_K1_labels_centres_and_inertia_are_scikit_learns_on_every_data_set(name, algorithm):
    if name == "digits" and config.DISABLE_JIT:
        pytest.skip("NUMBA_DISABLE_JIT=1: plain Python would take a minute")
    X = points(name)
    for seed in range(3):
        centers = start(X, DATASETS[name], seed)
        expected = theirs(X, centers, tol=0)
        found = partition(X, centers, algorithm=algorithm, tol=0)
        same(found, expected)
        # a pixel's rounding may decide a tie of digits for a step
        assert abs(found.n_iter - expected.n_iter_) <= (name == "digits")


@pytest.mark.parametrize("algorithm", HERE)
@pytest.mark.parametrize("shape", [(500, 1, 4), (500, 3, 7), (700, 4, 5), (600, 5, 50), (400, 17, 10), (999, 70, 4)])
def test_every_number_of_features_and_clusters_takes_scikit_learns_steps(shape, algorithm):
    n, d, k = shape
    X = uniform(n, d)
    centers = start(X, k)
    expected = theirs(X, centers, tol=0)
    found = partition(X, centers, algorithm=algorithm, tol=0)
    same(found, expected)
    assert found.n_iter == expected.n_iter_


@pytest.mark.parametrize("algorithm", HERE)
@pytest.mark.parametrize("options", [{"max_iter": 1}, {"max_iter": 3}, {"tol": 1e-2}, {"tol": 1e-4}], ids=str)
def test_it_stops_when_scikit_learn_does(options, algorithm):
    X = uniform(3000, 2)
    centers = start(X, 8)
    options = {"tol": 0} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # scikit-learn warns of max_iter
        expected = theirs(X, centers, **options)
    found = partition(X, centers, algorithm=algorithm, **options)
    same(found, expected)
    assert found.n_iter == expected.n_iter_


@pytest.mark.parametrize("algorithm", HERE)
@pytest.mark.parametrize("d", [2, 6])
def test_an_empty_cluster_takes_the_costliest_point_as_in_scikit_learn(d, algorithm):
    X = uniform(2000, d)
    centers = start(X, 5)
    centers[1], centers[3] = 50.0, -70.0  # nobody's nearest
    expected = theirs(X, centers, tol=0)
    found = partition(X, centers, algorithm=algorithm, tol=0)
    assert (np.bincount(found.labels, minlength=5) > 0).all()
    same(found, expected)
    assert found.n_iter == expected.n_iter_


@pytest.mark.parametrize("algorithm", HERE)
@pytest.mark.parametrize("d", [2, 6])
def test_of_equally_near_centres_the_first_is_taken(d, algorithm):
    X = uniform(300, d)
    centers = X[[0, 1, 1, 0, 2, 2, 2]]
    first = partition(X, centers, algorithm=algorithm, max_iter=1, tol=0).history[0]
    assert set(first["labels"].tolist()) == {0, 1, 4}


@compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(50, 2, 3), (9000, 2, 3), (5000, 5, 50), (20000, 16, 10), (3000, 64, 100)])
@pytest.mark.parametrize("empty", [False, True])
def test_bounds_change_no_bit(shape, dtype, empty):
    n, d, k = shape
    X = uniform(n, d, dtype)
    centers = start(X, k)
    if empty:
        centers[1:3] = [[70.0], [-80.0]]
    blocked = partition(X, centers, algorithm="blocked", tol=0)
    for bounds in ("always", "late"):
        bounded = euclidean(X, centers, "euclidean", 300, 0.0, bounds, None)
        np.testing.assert_array_equal(blocked.labels, bounded.labels)
        np.testing.assert_array_equal(blocked.centers, bounded.centers)
        assert [each["digest"] for each in blocked.history] == [each["digest"] for each in bounded.history]
        assert [each["inertia"] for each in blocked.history] == [each["inertia"] for each in bounded.history]


@compiled
@pytest.mark.parametrize("algorithm", ["blocked", "hamerly"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_threads(dtype, algorithm):
    X = uniform(50_000, 3, dtype)
    centers = start(X, 9)
    one, two, five = (partition(X, centers, algorithm=algorithm, tol=0, threads=t) for t in (1, 2, 5))
    for other in (two, five):
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.centers, other.centers)
        assert [each["inertia"] for each in one.history] == [each["inertia"] for each in other.history]


@pytest.mark.parametrize("algorithm", HERE)
def test_float32_loses_no_more_than_it_must(algorithm):
    """Points far from the origin, as longitudes are: float32 holds them to 4e-6, and the mean is taken off first."""
    X = (uniform(3000, 2) * 0.1 + [37.7, -122.4]).astype(np.float32)
    centers = start(X, 5)
    single = partition(X, centers, algorithm=algorithm, tol=0)
    double = partition(X.astype(np.float64), centers.astype(np.float64), tol=0)
    assert single.centers.dtype == np.float32
    assert np.mean(single.labels == double.labels) > 0.999
    np.testing.assert_allclose(single.inertia, double.inertia, rtol=1e-4)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "haversine", "cosine"])
@pytest.mark.parametrize("algorithm", HERE)
def test_K3_a_history_alternates_and_its_inertia_never_rises(metric, algorithm):
    fast = wb.get("metric", metric).squared_euclidean
    if not fast and algorithm != "lloyd":
        with pytest.raises(ConfigError, match="take 'lloyd'"):
            partition(uniform(20, 2), uniform(3, 2), metric, algorithm)
        return
    X = uniform(400, 2) + 1
    found = partition(X, start(X, 4), metric, algorithm, tol=0)
    halves = [(each["step"], each["half"]) for each in found.history]
    assert halves == [(1 + i // 2, ("assign", "update")[i % 2]) for i in range(2 * found.n_iter)]
    inertia = [each["inertia"] for each in found.history]
    assert all(later <= earlier * (1 + 1e-12) for earlier, later in zip(inertia, inertia[1:], strict=False))
    assert found.history[0]["changed"] == len(X)
    assert found.history[-2]["changed"] == 0
    np.testing.assert_array_equal(found.history[-1]["labels"], found.labels)
    np.testing.assert_array_equal(found.history[-1]["centers"], found.centers)
    assert found.history[-1]["digest"] == plain.digest(found.labels)


@compiled
@pytest.mark.parametrize("algorithm", HERE)
def test_of_many_labels_a_history_keeps_some_and_the_digest_of_all(algorithm):
    X = uniform(25_001, 2, np.float32)
    found = partition(X, start(X, 300), algorithm=algorithm, max_iter=3, tol=0)
    last = found.history[-1]
    assert last["stride"] == 3
    assert last["labels"].dtype == np.uint16
    np.testing.assert_array_equal(last["labels"], found.labels[::3])
    assert last["digest"] == plain.digest(found.labels)
    assert last["half"] == "assign"  # it had not settled: the points are assigned once more
    assert len({each["digest"] for each in found.history}) == 4


def test_a_digest_depends_on_every_label():
    labels = np.random.default_rng(0).integers(0, 5, 100_000).astype(np.int32)
    seen = {plain.digest(labels)}
    for place in (0, 1, 50_000, 99_999):
        other = labels.copy()
        other[place] += 1
        seen.add(plain.digest(other))
    swapped = labels.copy()
    swapped[[0, np.flatnonzero(labels != labels[0])[0]]] = swapped[[np.flatnonzero(labels != labels[0])[0], 0]]
    seen.add(plain.digest(swapped))
    assert len(seen) == 6


@pytest.mark.parametrize(
    ("shape", "chosen"),
    [
        ((400, 2, 3), ("lloyd", "never")),
        ((100_000, 2, 3), ("blocked", "never")),
        ((10_000, 16, 10), ("blocked", "never")),
        ((5000, 64, 10), ("blocked", "late")),
        ((5000, 16, 100), ("blocked", "late")),
    ],
)
def test_the_algorithm_is_chosen_by_shape_and_size(shape, chosen):
    assert choose(*shape) == chosen


@compiled
def test_auto_takes_what_was_chosen(monkeypatch):
    taken = []
    monkeypatch.setattr("workbench.clustering.euclidean.euclidean", lambda *given: taken.append(given[5]))
    X = uniform(5000, 64)
    partition(X, X[:3])
    partition(X, X[:100])
    partition(X, X[:3], algorithm="hamerly")
    assert taken == ["never", "late", "always"]
    assert partition(X[:50, :2].copy(), X[:3, :2].copy()).n_iter >= 1


@compiled
def test_nothing_is_compiled_for_another_size():
    from workbench.jit import statistics

    partition(uniform(100, 7), uniform(5, 7), algorithm="blocked")
    before = statistics().compiled
    for n, d, k in ((1000, 7, 5), (200, 9, 30), (5000, 40, 3)):
        partition(uniform(n, d), uniform(k, d), algorithm="blocked")
    assert statistics().compiled == before


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 60), st.integers(1, 6), st.integers(1, 8), st.sampled_from(["float32", "float64"]),
    st.integers(0, 2**32 - 1), st.sampled_from([1, 2]), st.booleans(),
)  # fmt: skip
def test_whatever_the_points(n, d, k, dtype, seed, threads, coarse):
    """Inertia never rises, labels are nearest centres, all algorithms agree; coarse points have duplicates and ties."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)).astype(dtype)
    X = np.round(X) if coarse else X
    k = min(k, n)
    # float32: the assignment may prefer a centre by rounding, which costs some 1e-6 of a square about the mean
    room = {"float32": 1e-5, "float64": 1e-12}[dtype] * (float((X.astype(np.float64) ** 2).sum()) + 1)
    ends = []
    for algorithm in HERE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = partition(X, start(X, k, seed), algorithm=algorithm, tol=0, threads=threads)
        inertia = [each["inertia"] for each in found.history]
        assert all(later <= earlier + room for earlier, later in zip(inertia, inertia[1:], strict=False))
        squares = ((X[:, None].astype(np.float64) - found.centers) ** 2).sum(axis=2)
        own = squares[np.arange(n), found.labels]
        assert (own <= squares.min(axis=1) + room).all()
        np.testing.assert_allclose(found.inertia, own.sum(), atol=room)
        ends.append(found)
    if dtype == "float64" and not coarse:
        for other in ends[1:]:
            np.testing.assert_array_equal(other.labels, ends[0].labels)


@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_starts_are_different_points_and_one_seed_gives_the_same(init):
    X = uniform(300, 2)
    centers = initial_centers(X, 20, init, "euclidean", np.random.default_rng(3))
    assert len(np.unique(centers, axis=0)) == 20
    assert (abs(X[:, None] - centers).sum(axis=2).min(axis=0) == 0).all()
    np.testing.assert_array_equal(centers, initial_centers(X, 20, init, "euclidean", np.random.default_rng(3)))
    assert not np.array_equal(centers, initial_centers(X, 20, init, "euclidean", np.random.default_rng(4)))


def test_plus_plus_starts_better_than_random_points():
    X = wb.get("dataset", "blobs").function(n_samples=2000, centers=20, seed=1).X
    cost = {
        init: np.mean([kmeans(n_clusters=20, init=init, n_init=1, random_state=s, max_iter=1).fit(X).inertia_
                       for s in range(10)])
        for init in ("random", "k-means++")
    }  # fmt: skip
    assert cost["k-means++"] < 0.8 * cost["random"]


def test_the_best_of_several_starts_is_kept():
    X = wb.get("dataset", "blobs").function(n_samples=500, centers=8, seed=4).X
    single = [kmeans(n_clusters=8, init="random", n_init=1, random_state=seed).fit(X).inertia_ for seed in range(5)]
    several = kmeans(n_clusters=8, init="random", random_state=0).fit(X)
    assert several.inertia_ <= single[0] + 1e-9
    assert several.inertia_ < max(single)


def test_a_fitted_model_knows_new_points():
    X = points("blobs")
    model = kmeans(n_clusters=3, tol=0).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    np.testing.assert_array_equal(model.fit_predict(X), model.labels_)
    distances = np.linalg.norm(X[:, None] - model.cluster_centers_, axis=2)
    np.testing.assert_allclose(model.transform(X), distances, rtol=1e-12)
    np.testing.assert_allclose(model.score(X), -model.inertia_, rtol=1e-12)
    assert list(model.get_feature_names_out()) == ["kmeans0", "kmeans1", "kmeans2"]
    assert make_pipeline(StandardScaler(), kmeans(n_clusters=3)).fit_predict(X).max() == 2


def test_a_clustering_comes_back_from_its_file(tmp_path):
    X = points("outlets")
    found = partition(X, start(X, 3), "manhattan")
    save(found, tmp_path / "clustering.safetensors")
    again = load(tmp_path / "clustering.safetensors")
    np.testing.assert_array_equal(again.labels, found.labels)
    assert (again.inertia, again.n_iter, again.metric) == (found.inertia, found.n_iter, "manhattan")
    for one, other in zip(again.history, found.history, strict=True):
        assert {k: v for k, v in one.items() if k not in ("centers", "labels")} == {
            k: v for k, v in other.items() if k not in ("centers", "labels")
        }
        np.testing.assert_array_equal(one["centers"], other["centers"])
        np.testing.assert_array_equal(one["labels"], other["labels"])


def test_duplicates_leave_clusters_empty_and_that_is_said():
    X = np.repeat([[0.0, 0.0], [1.0, 1.0]], 10, axis=0)
    for algorithm in HERE:
        with pytest.warns(ConvergenceWarning, match="only 2 of 3 clusters have points"):
            model = kmeans(n_clusters=3, algorithm=algorithm).fit(X)
        assert model.inertia_ == 0
        assert model.n_clusters_ == 2


@pytest.mark.parametrize("algorithm", HERE)
def test_one_point_and_constant_features(algorithm):
    model = kmeans(n_clusters=1, algorithm=algorithm).fit([[3.0, 4.0]])
    np.testing.assert_array_equal(model.cluster_centers_, [[3.0, 4.0]])
    assert (model.inertia_, list(model.labels_)) == (0.0, [0])
    X = np.column_stack([np.full(50, 7.0), np.r_[:25, 100:125]])
    model = kmeans(n_clusters=2, algorithm=algorithm, tol=0).fit(X)
    assert (model.cluster_centers_[:, 0] == 7).all()
    assert sorted(np.bincount(model.labels_)) == [25, 25]


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        ([[1.0], [2.0]], {"n_clusters": 3}, DataError, "n_clusters = 3 is more than the 2 points"),
        ([[1.0], [2.0]], {"n_clusters": 0}, ConfigError, "n_clusters = 0 should be greater than or equal to 1"),
        ([[1.0], [np.nan]], {"n_clusters": 1}, ValueError, "contains NaN"),
        ([[1.0], [np.inf]], {"n_clusters": 1}, ValueError, "infinity"),
        ([["a"], ["b"]], {"n_clusters": 1}, ValueError, "could not convert string to float"),
        (sparse.csr_matrix(np.eye(3)), {"n_clusters": 1}, TypeError, "dense data is required"),
        ([[1.0], [2.0]], {"n_clusters": 1, "metric": "euclidaen"}, wb.WorkbenchError, "did you mean 'euclidean'"),
        ([[1.0], [2.0]], {"n_clusters": 1, "algorithm": "loyd"}, ConfigError, "did you mean 'lloyd'"),
        ([[1.0], [2.0]], {"n_clusters": 1, "init": "kmeans"}, ConfigError, "did you mean 'k-means\\+\\+'"),
        ([[1.0], [2.0]], {"n_clusters": 1, "init": [[1.0, 2.0]]}, ConfigError, r"init has shape \(1, 2\)"),
        ([[1.0], [2.0]], {"n_clusters": 1, "init": [["x"]]}, ConfigError, "nor an array of centres"),
        ([[1.0], [2.0]], {"n_clusters": 1, "init": [[np.nan]]}, ConfigError, "not finite"),
        ([[1.0], [2.0]], {"n_clusters": 1, "metric": "haversine"}, DataError, "needs 2 features"),
        ([[1.0], [2.0]], {"n_clusters": 1, "max_iter": 0}, ConfigError, "max_iter = 0"),
        ([[1.0], [2.0]], {"n_clusters": 1, "tol": -1.0}, ConfigError, "tol = -1.0"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_clustered_is_told(X, options, error, message):
    with pytest.raises(error, match=message):
        kmeans(**options).fit(X)


def test_kmedians_is_the_k_means_of_the_manhattan_metric():
    X = points("outlets")
    medians = wb.get("clusterer", "kmedians")(n_clusters=3, random_state=1).fit(X)
    other = kmeans(n_clusters=3, metric="manhattan", random_state=1).fit(X)
    np.testing.assert_array_equal(medians.labels_, other.labels_)
    for cluster, center in enumerate(medians.cluster_centers_):
        np.testing.assert_allclose(center, np.median(X[medians.labels_ == cluster], axis=0))
    np.testing.assert_array_equal(medians.predict(X), medians.labels_)  # nearest by its own metric
    nearest = abs(X[:, None] - medians.cluster_centers_).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(medians.labels_, nearest)


@pytest.mark.parametrize("seed", range(5))
def test_kmedians_reaches_the_brute_force_optimum_on_few_points(seed):
    """The best of many starts, against every partition of nine points into two groups."""
    X = np.random.default_rng(seed).normal(size=(9, 2))
    best = np.inf
    for split in range(1, 2**8):
        group = np.array([split >> i & 1 for i in range(9)], bool)
        parts = [X[group], X[~group]]
        best = min(best, sum(abs(part - np.median(part, axis=0)).sum() for part in parts if len(part)))
    found = wb.get("clusterer", "kmedians")(n_clusters=2, init="random", n_init=40, tol=0.0).fit(X)
    np.testing.assert_allclose(found.inertia_, best, rtol=1e-12)


def test_mini_batches_come_close_to_k_means():
    X = wb.get("dataset", "blobs").function(n_samples=5000, centers=5, seed=2).X
    whole = kmeans(n_clusters=5).fit(X)
    model = wb.get("clusterer", "mini_batch_kmeans")(n_clusters=5, batch_size=256).fit(X)
    theirs = MiniBatchKMeans(5, batch_size=256, random_state=0, n_init=3).fit(X)
    assert model.inertia_ < 1.05 * whole.inertia_
    assert model.inertia_ < 1.05 * theirs.inertia_
    np.testing.assert_array_equal(model.predict(X), model.labels_)


def test_partial_fits_give_the_means_of_what_each_centre_was_given():
    X = uniform(900, 2)
    model = wb.get("clusterer", "mini_batch_kmeans")(n_clusters=4, init=X[:4])
    given = {c: [] for c in range(4)}
    for batch in np.array_split(X, 9):
        before = getattr(model, "cluster_centers_", X[:4])
        nearest = ((batch[:, None] - before) ** 2).sum(axis=2).argmin(axis=1)
        model.partial_fit(batch)
        np.testing.assert_array_equal(model.labels_, nearest)
        for c in range(4):
            given[c] += list(batch[nearest == c])
    for c in range(4):
        np.testing.assert_allclose(model.cluster_centers_[c], np.mean(given[c], axis=0))
    np.testing.assert_array_equal(model.counts_, [len(given[c]) for c in range(4)])
    assert model.n_iter_ == 9


@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_only_the_first_partial_fit_needs_as_many_points_as_clusters(init):
    X = uniform(11, 2)
    model = wb.get("clusterer", "mini_batch_kmeans")(n_clusters=8, init=init)
    with pytest.raises(DataError, match="n_clusters = 8 is more than the 3 points there are"):
        model.partial_fit(X[:3])
    model.partial_fit(X[:8]).partial_fit(X[8:])
    assert model.counts_.sum() == 11
    assert len(np.unique(model.cluster_centers_, axis=0)) == 8


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_one_thread_starts_no_other(metric, monkeypatch):
    """Neither when it is fitted nor when it is asked: another process may need the cores."""

    def start(thread):
        raise AssertionError("a thread was started")

    monkeypatch.setattr(threading.Thread, "start", start)
    X = uniform(2 * ROWS, 2)
    model = kmeans(n_clusters=3, metric=metric, max_iter=2, threads=1).fit(X)
    np.testing.assert_array_equal(model.predict(X), model.transform(X).argmin(axis=1))
    assert model.score(X) == pytest.approx(-model.inertia_)


def test_the_compiler_is_off_where_numba_says_so(tmp_path):
    script = (
        "import os, warnings; from numba import config; from workbench.compiler import compiler_is_off\n"
        "warnings.simplefilter('ignore')\n"  # of what is no number
        "for value in ('0', '1', '2', ' 1', '-1', '', '00', 'yes', '1.5'):\n"
        "    os.environ['NUMBA_DISABLE_JIT'] = value; config.reload_config()\n"
        "    assert compiler_is_off() == bool(config.DISABLE_JIT), value\n"
        "del os.environ['NUMBA_DISABLE_JIT']; assert not compiler_is_off()"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)


@compiled
def test_plain_python_takes_the_same_steps(tmp_path):
    """NUMBA_DISABLE_JIT=1 is the reference: no machine code at all."""
    script = (
        "import numpy as np, workbench as wb; X = np.random.default_rng(0).random((80, 3)); "
        "m = wb.get('clusterer', 'kmeans')(n_clusters=4, init=X[:4], tol=0).fit(X); "
        "print(m.labels_.tolist(), m.n_iter_, round(m.inertia_, 9))"
    )
    told = {
        flag: subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"NUMBA_DISABLE_JIT": flag}, cwd=tmp_path,
            capture_output=True, text=True, check=True,
        ).stdout
        for flag in "01"
    }  # fmt: skip
    assert told["0"] == told["1"] != ""
