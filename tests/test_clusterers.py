"""Clusterers against scikit-learn's, which are written otherwise, and brute force."""

import itertools
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import cluster, datasets, mixture
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, pairwise_distances
from threadpoolctl import threadpool_limits

from workbench import clusterer, get
from workbench.clustering.metric import distances
from workbench.errors import ConfigError, DataError, PluginError, UnknownName
from workbench.plugins.clusterers import _pairwise, dbscan, gaussian_mixture, kmedoids
from workbench.plugins.clusterers._labels import by_first_appearance
from workbench.registry import registry

NAMES = registry().names("clusterer")
LINKAGES = ("single", "complete", "average", "ward")
COVARIANCES = ("full", "diag", "spherical")


def anisotropic():
    X, _ = datasets.make_blobs(300, random_state=170)
    return X @ [[0.6, -0.6], [-0.4, 0.8]]


# Points, how many clusters to look for, and how near neighbours are.
SHAPES = {
    "blobs": (datasets.make_blobs(300, centers=4, random_state=0)[0], 4, 0.5),
    "moons": (datasets.make_moons(300, noise=0.05, random_state=0)[0], 2, 0.2),
    "circles": (datasets.make_circles(300, factor=0.5, noise=0.04, random_state=0)[0], 2, 0.18),
    "anisotropic": (anisotropic(), 3, 0.35),
    "iris": (datasets.load_iris().data, 3, 0.5),
    "digits": (np.ascontiguousarray(datasets.load_digits().data[:300]), 10, 22.0),
}
shapes = pytest.mark.parametrize("shape", SHAPES)


def make(name, **options):
    return get("clusterer", name)(**options)


def asked_for(n_clusters, name):
    """The options by which a clusterer is asked for so many clusters, if it can be."""
    return {"n_clusters": n_clusters} if "n_clusters" in get("clusterer", name).options else {}


def same_partition(a, b):
    return adjusted_rand_score(a, b) == 1.0


def small(seed, n=14, n_features=2):
    return np.random.default_rng(seed).normal(size=(n, n_features))


# What holds for all of them


CLOSE = {  # and how many clusters DBSCAN and mean shift find; the others are asked for one
    "one point": ([[0.1, 0.2]], {"dbscan": 0}),
    "one place": ([[0.1, 0.2]] * 7, {}),
    "constant feature": ([[0.1, y] for y in (5.0, 5.1, 9.0, 9.1, 9.2)], {"dbscan": 0, "mean_shift": 5}),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("close", CLOSE)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_points_that_hardly_differ(name, close, dtype):
    X, found = CLOSE[close]
    model = make(name, **asked_for(1, name)).fit(np.array(X, dtype))
    assert model.labels_.shape == (len(X),) and model.labels_.dtype == np.int32
    assert model.n_clusters_ == found.get(name, 1)
    if hasattr(model, "predict"):
        assert np.array_equal(model.predict(np.array(X, dtype)), model.labels_)


@pytest.mark.parametrize("name", NAMES)
def test_float32_finds_what_float64_finds(name):
    X = SHAPES["blobs"][0].astype(np.float32)
    models = [make(name, **asked_for(3, name)).fit(X.astype(dtype)) for dtype in ("float32", "float64")]
    assert same_partition(*(model.labels_ for model in models))
    if hasattr(models[0], "cluster_centers_"):
        assert models[0].cluster_centers_.dtype == np.float32
        np.testing.assert_allclose(*(model.cluster_centers_ for model in models), rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_more_clusters_than_points(name):
    if asked_for(9, name):
        with pytest.raises(DataError, match="n_clusters = 9 is more than the 5 points"):
            make(name, n_clusters=9).fit(small(0, 5))
        with pytest.raises(ConfigError, match="n_clusters = 0"):
            make(name, n_clusters=0).fit(small(0, 5))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("dbscan", {"eps": 0.0}, "eps = 0.0"),
        ("dbscan", {"min_samples": 0}, "min_samples = 0"),
        ("agglomerative", {"linkage": "centroid"}, "linkage = 'centroid'"),
        ("agglomerative", {"n_clusters": None}, "give one, and set the other to null; they are None and None"),
        ("agglomerative", {"distance_threshold": 1.0}, "give one, and set the other to null; they are 2 and 1.0"),
        ("agglomerative", {"metric": "manhattan"}, "its metric is 'euclidean', not 'manhattan'"),
        ("gaussian_mixture", {"init": "kmean"}, "init = 'kmean'"),
        ("gaussian_mixture", {"covariance_type": "tied"}, "covariance_type = 'tied'"),
        ("gaussian_mixture", {"n_clusters": 2, "init": np.zeros((3, 2))}, r"\(2, 2\)"),
        ("kmedoids", {"init": "best"}, "init = 'best'"),
        ("kmedoids", {"n_clusters": 3, "init": [1, 1, 2]}, "3 different indices"),
        ("kmedoids", {"n_clusters": 3, "init": [1, 2]}, "3 different indices"),
        ("kmedoids", {"n_clusters": 2, "init": np.array([0.0, 1.0])}, "2 different indices"),
        ("kmedoids", {"n_clusters": 2, "init": [1, 20]}, "the 20 points, from 0 to 19"),
        ("mean_shift", {"bandwidth": 0.0}, "bandwidth = 0.0"),
    ],
)
def test_bad_options_are_told(name, options, message):
    with pytest.raises(ConfigError, match=message):
        make(name, **options).fit(small(0, 20))


@pytest.mark.parametrize("name", [name for name in NAMES if "metric" in get("clusterer", name).options])
def test_an_unknown_metric_is_told(name):
    with pytest.raises(UnknownName, match="euclidian"):
        make(name, metric="euclidian").fit(small(0, 20))


@pytest.mark.parametrize("name", ["kmeans", "kmedoids"])
def test_new_points_go_to_the_centre_that_is_nearest_by_the_models_own_metric(name):
    X = small(3, 200) * [1, 5]
    model = make(name, metric="manhattan", n_clusters=4).fit(X)
    between = pairwise_distances(X, model.cluster_centers_, metric="manhattan")
    np.testing.assert_array_equal(model.predict(X), between.argmin(axis=1))
    assert (model.predict(X) != pairwise_distances(X, model.cluster_centers_).argmin(axis=1)).any()
    np.testing.assert_allclose(model.transform(X), between, rtol=1e-12)
    np.testing.assert_allclose(model.score(X), -between.min(axis=1).sum(), rtol=1e-12)
    np.testing.assert_allclose(model.score(X), -model.inertia_, rtol=1e-12)


@pytest.mark.parametrize("name", ["agglomerative", "kmedoids"])
def test_too_many_points_for_all_pairs(name, monkeypatch):
    monkeypatch.setattr(_pairwise, "MOST", 19)
    make(name).fit(small(0, 19))
    with pytest.raises(DataError, match="X has 20 points.*19 points at most"):
        make(name).fit(small(0, 20))


# DBSCAN


@shapes
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dbscan_is_scikit_learns(shape, dtype):
    X, _, eps = SHAPES[shape]
    X = X.astype(dtype)
    for min_samples in (1, 4, 12):
        ours = make("dbscan", eps=eps, min_samples=min_samples).fit(X)
        theirs = cluster.DBSCAN(eps=eps, min_samples=min_samples).fit(X)
        assert np.array_equal(ours.labels_, theirs.labels_)
        assert np.array_equal(ours.core_sample_indices_, theirs.core_sample_indices_)
        assert np.array_equal(ours.components_, theirs.components_)
    assert len(np.unique(ours.labels_)) > 1


@pytest.mark.parametrize(("metric", "eps"), [("manhattan", 0.3), ("cosine", 1e-3), ("haversine", 20.0)])
def test_dbscan_in_other_metrics(metric, eps):
    X, _, _ = SHAPES["moons"]
    theirs = np.pi / 180 * X if metric == "haversine" else X  # scikit-learn's Earth is one wide, in radians
    between = pairwise_distances(theirs, metric=metric) * (6371.0088 if metric == "haversine" else 1)
    ours = make("dbscan", eps=eps, metric=metric).fit(X)
    assert np.array_equal(ours.labels_, cluster.DBSCAN(eps=eps, metric="precomputed").fit(between).labels_)
    assert ours.n_clusters_ > 1
    inside = np.union1d(ours.core_sample_indices_, np.flatnonzero(ours.labels_ < 0))
    assert np.array_equal(ours.predict(X)[inside], ours.labels_[inside])


def test_a_border_point_belongs_to_the_first_cluster_that_reaches_it():
    dense = np.array([0, 0.1, 0.2, 0.3])
    X = np.concatenate([2.3 + dense, [1.3], dense])[:, None]  # the one in between is as far from both
    model = make("dbscan", eps=1.01, min_samples=4).fit(X)
    assert model.labels_.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert 4 not in model.core_sample_indices_
    assert np.array_equal(model.labels_, cluster.DBSCAN(eps=1.01, min_samples=4).fit(X).labels_)


@pytest.mark.parametrize(("shape", "metric"), [("moons", "euclidean"), ("digits", "euclidean"), ("moons", "manhattan")])
def test_dbscan_in_small_portions_is_the_same(shape, metric, monkeypatch):
    X, _, eps = SHAPES[shape]
    labels = make("dbscan", eps=eps, metric=metric).fit(X).labels_
    held = []
    monkeypatch.setattr(dbscan, "PAIRS", 1000)
    monkeypatch.setattr(dbscan, "neighbors", watched(dbscan.neighbors, held))
    model = make("dbscan", eps=eps, metric=metric).fit(X)
    assert np.array_equal(model.labels_, labels)
    assert len(held) > 10 and max(held) < 1000 + len(X)


def watched(neighbors, held):
    def watching(*given):
        for i, k in neighbors(*given):
            held.append(len(i))
            yield i, k

    return watching


@shapes
def test_dbscan_predicts_its_core_points_and_noise(shape):
    X, _, eps = SHAPES[shape]
    model = make("dbscan", eps=eps).fit(X)
    others = model.labels_ >= 0
    others[model.core_sample_indices_] = False
    predicted = model.predict(X)
    assert np.array_equal(predicted[~others], model.labels_[~others])
    near = distances(np.ascontiguousarray(X[others]), model.components_, "euclidean")
    assert np.array_equal(predicted[others], model.labels_[model.core_sample_indices_][near.argmin(axis=1)])
    assert model.predict(X[:1] + 1e3) == -1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_dbscan_knows_no_order_of_its_core_points(seed, min_samples):
    rng = np.random.default_rng(seed)
    X, order = rng.integers(0, 9, (40, 2)) / 4, rng.permutation(40)
    a, b = (make("dbscan", eps=0.3, min_samples=min_samples).fit(points) for points in (X, X[order]))
    core = a.core_sample_indices_
    assert set(order[b.core_sample_indices_]) == set(core)
    moved = np.empty(40, int)
    moved[order] = b.labels_
    assert np.array_equal(moved < 0, a.labels_ < 0)
    assert not core.size or same_partition(a.labels_[core], moved[core])


# Agglomerative clustering


def test_clusters_are_numbered_as_they_appear():
    assert by_first_appearance(np.array([7, 3, 7, 5, 3])).tolist() == [0, 1, 0, 2, 1]


@shapes
@pytest.mark.parametrize("linkage", LINKAGES)
def test_agglomerative_is_scikit_learns(shape, linkage):
    X, n_clusters, _ = SHAPES[shape]
    ours = make("agglomerative", n_clusters=n_clusters, linkage=linkage).fit(X)
    theirs = cluster.AgglomerativeClustering(n_clusters, linkage=linkage, compute_distances=True).fit(X)
    np.testing.assert_allclose(ours.distances_, theirs.distances_, rtol=1e-10, atol=1e-10)
    assert ours.n_clusters_ == n_clusters
    assert same_partition(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_agglomerative_up_to_a_distance(linkage):
    X, _, _ = SHAPES["anisotropic"]
    heights = make("agglomerative", linkage=linkage).fit(X).distances_
    for threshold in (0.0, float(heights[-7]), float(heights[-7]) + 1e-9, 1e9):
        ours = make("agglomerative", n_clusters=None, distance_threshold=threshold, linkage=linkage).fit(X)
        theirs = cluster.AgglomerativeClustering(None, distance_threshold=threshold, linkage=linkage).fit(X)
        assert ours.n_clusters_ == theirs.n_clusters_ == np.count_nonzero(heights >= threshold) + 1
        assert same_partition(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("metric", ["manhattan", "cosine"])
@pytest.mark.parametrize("linkage", LINKAGES[:-1])
def test_agglomerative_in_other_metrics(metric, linkage):
    X, n_clusters, _ = SHAPES["anisotropic"]
    ours = make("agglomerative", n_clusters=n_clusters, linkage=linkage, metric=metric).fit(X)
    theirs = cluster.AgglomerativeClustering(n_clusters, linkage=linkage, metric=metric).fit(X)
    assert same_partition(ours.labels_, theirs.labels_)


def test_agglomerative_tells_its_merges():
    model = make("agglomerative", linkage="complete").fit([[5.0], [0.0], [5.5], [1.0], [9.0]])
    assert model.children_.tolist() == [[0, 2], [1, 3], [4, 5], [6, 7]]
    assert model.distances_.tolist() == [0.5, 1, 4, 9]
    assert model.labels_.tolist() == [0, 1, 0, 1, 0]  # numbered as they appear
    assert not hasattr(model, "predict")


# Gaussian mixture


def start_of(X, means, covariance_type, reg_covar):
    """What scikit-learn calls the start that ours makes of the means, written out."""
    about = X - means[pairwise_distances(X, means).argmin(axis=1)]
    full = about.T @ about / len(X) + reg_covar * np.eye(X.shape[1])
    shared = {"full": full, "diag": np.diag(full), "spherical": np.diag(full).mean()}[covariance_type]
    precision = np.linalg.inv(full) if covariance_type == "full" else 1 / shared
    k = len(means)
    given = {"means_init": means, "weights_init": np.full(k, 1 / k), "precisions_init": np.array([precision] * k)}
    return given | {"init_params": "random_from_data", "covariance_type": covariance_type, "reg_covar": reg_covar}


@shapes
@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_mixture_is_scikit_learns_step_by_step(shape, covariance_type):
    X, n_clusters, _ = SHAPES[shape]
    means = X[np.random.default_rng(1).choice(len(X), n_clusters, replace=False)]
    reg_covar = 0.1 if shape == "digits" else 1e-6
    options = {"covariance_type": covariance_type, "reg_covar": reg_covar}
    for steps in (1, 8):
        ours = make("gaussian_mixture", n_clusters=n_clusters, init=means, tol=0.0, max_iter=steps, **options).fit(X)
        theirs = mixture.GaussianMixture(
            n_clusters, tol=0.0, max_iter=steps, **start_of(X, means, covariance_type, reg_covar)
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # tol is 0
            theirs.fit(X)
        for name in ("weights_", "means_", "covariances_"):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-6)
        assert same_partition(ours.labels_, theirs.predict(X))
        assert ours.lower_bound_ == pytest.approx(theirs.score(X), rel=1e-9)
        assert ours.n_iter_ == steps == len(ours.lower_bounds_) - 1
        assert ours.converged_ is False


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_mixture_finds_what_scikit_learns_finds(covariance_type):
    for shape in ("blobs", "anisotropic"):
        X, n_clusters, _ = SHAPES[shape]
        options = {"covariance_type": covariance_type, "tol": 1e-7, "max_iter": 2000}
        ours = make("gaussian_mixture", n_clusters=n_clusters, **options).fit(X)
        theirs = mixture.GaussianMixture(n_clusters, random_state=0, **options).fit(X)
        assert ours.converged_
        assert ours.lower_bound_ == pytest.approx(theirs.score(X), abs=1e-4)
        assert same_partition(ours.labels_, theirs.predict(X))


@shapes
def test_a_mixture_predicts_its_labels(shape):
    X, n_clusters, _ = SHAPES[shape]
    model = make("gaussian_mixture", n_clusters=n_clusters, reg_covar=1e-3).fit(X)
    assert np.array_equal(model.predict(X), model.labels_)
    assert np.array_equal(model.predict(X[5:9]), model.labels_[5:9])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 3), st.sampled_from(COVARIANCES))
def test_the_likelihood_never_falls(seed, n_clusters, n_features, covariance_type):
    """Which is so for EM proper, hence without ``reg_covar``."""
    X = small(seed, 60, n_features)
    options = {"n_clusters": n_clusters, "covariance_type": covariance_type, "reg_covar": 0.0}
    try:
        model = make("gaussian_mixture", init="random", tol=0.0, max_iter=30, random_state=seed, **options).fit(X)
    except DataError:  # a cluster shrank to a point, where the likelihood is without bound
        assume(False)
    assert np.diff(model.lower_bounds_).min() > -1e-10


def test_the_likeliest_of_several_starts_is_taken(monkeypatch):
    bounds, fit = [], gaussian_mixture.fit

    def watching(*given):
        found = fit(*given)
        bounds.append(found[2][-1])
        return found

    monkeypatch.setattr(gaussian_mixture, "fit", watching)
    options = {"n_clusters": 10, "init": "random", "reg_covar": 1.0, "covariance_type": "diag"}
    best = make("gaussian_mixture", n_init=4, random_state=6, **options).fit(SHAPES["digits"][0])
    assert len(bounds) == len(set(bounds)) == 4
    assert best.lower_bound_ == max(bounds) not in (bounds[0], bounds[-1])


def test_a_cluster_that_loses_all_its_points_stays_finite():
    """Its shares are e^-5000 and less: numbers only their logarithms can hold."""
    X = np.concatenate([small(0, 50), [[1e4, 1e4], [1e4, 1e4 + 1]]])
    means = np.array([[0.0, 0.0], [1e4, 1e4], [3e5, -3e5]])
    model = make("gaussian_mixture", n_clusters=3, init=means, covariance_type="spherical", tol=0.0).fit(X)
    for name in ("weights_", "means_", "covariances_", "lower_bounds_"):
        assert np.isfinite(getattr(model, name)).all(), name
    assert model.weights_.sum() == pytest.approx(1)
    assert same_partition(model.labels_, [0] * 50 + [1] * 2)
    assert np.array_equal(model.predict(X), model.labels_)


@pytest.mark.parametrize("covariance_type", COVARIANCES)
def test_a_singular_covariance_is_told(covariance_type):
    X = np.repeat(small(0, 3), 4, axis=0)
    with pytest.raises(DataError, match="raise reg_covar"):
        make("gaussian_mixture", n_clusters=3, reg_covar=0.0, covariance_type=covariance_type).fit(X)


def test_a_mixture_has_the_same_bits_for_any_number_of_threads():
    X = datasets.load_digits().data
    found = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            found.append(make("gaussian_mixture", n_clusters=2, reg_covar=0.1, max_iter=2).fit(X))
    assert np.array_equal(found[0].covariances_, found[1].covariances_)
    assert found[0].lower_bounds_ == found[1].lower_bounds_


# Mean shift


@shapes
def test_mean_shift_is_scikit_learns(shape):
    X = SHAPES[shape][0][:150]
    scale = cluster.estimate_bandwidth(X)
    for bandwidth in (None, 0.6 * scale):
        ours, theirs = make("mean_shift", bandwidth=bandwidth).fit(X), cluster.MeanShift(bandwidth=bandwidth).fit(X)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-9, atol=1e-12)
        assert np.array_equal(ours.labels_, theirs.labels_)
        assert ours.bandwidth_ == pytest.approx(bandwidth or scale)
        assert np.array_equal(ours.predict(X), ours.labels_)
        assert ours.score(X) == pytest.approx(-ours.inertia_)
    assert ours.n_clusters_ > 1


def test_mean_shift_of_few_places():
    """So many points are where others are that the bandwidth is estimated as none; each place is a mode then."""
    X = np.array([[0.1], [0.3], [0.7]]).repeat(4, axis=0)
    model = make("mean_shift").fit(X)
    assert model.bandwidth_ == 0
    assert model.cluster_centers_.tolist() == [[0.7], [0.3], [0.1]]
    assert model.labels_.tolist() == [2] * 4 + [1] * 4 + [0] * 4


def test_mean_shift_stops_at_max_iter():
    X = SHAPES["circles"][0]
    assert make("mean_shift", bandwidth=0.5, max_iter=2).fit(X).n_iter_ == 2
    assert 2 < make("mean_shift", bandwidth=0.5).fit(X).n_iter_ < 300


# k-medoids


def total_distance(between, medoids):
    return between[:, list(medoids)].min(axis=1).sum()


def best_of_all(between, k):
    return min(total_distance(between, medoids) for medoids in itertools.combinations(range(len(between)), k))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_kmedoids_against_brute_force(metric, k):
    """A local optimum always; the best there is in most cases, and never much worse."""
    best = []
    for seed, init in itertools.product(range(10), ("build", "k-means++", "random")):
        X = small(seed)
        between = pairwise_distances(X, metric=metric)
        model = make("kmedoids", n_clusters=k, metric=metric, init=init, random_state=seed).fit(X)
        assert model.inertia_ == pytest.approx(total_distance(between, model.medoid_indices_))
        for i, other in itertools.product(range(k), range(len(X))):
            swapped = [*model.medoid_indices_[:i], other, *model.medoid_indices_[i + 1 :]]
            assert total_distance(between, swapped) >= model.inertia_ - 1e-9
        best.append(model.inertia_ / best_of_all(between, k))
    assert min(best) > 1 - 1e-9 and max(best) < 1.25
    assert np.mean(np.array(best) < 1 + 1e-9) >= (1 if k == 1 else 0.7)


def test_kmedoids_in_small_portions_reaches_a_local_optimum(monkeypatch):
    X, k, _ = SHAPES["iris"]
    monkeypatch.setattr(kmedoids, "ELEMENTS", 7 * len(X))
    between = pairwise_distances(X)
    for seed in range(5):
        model = make("kmedoids", n_clusters=k, init="random", random_state=seed).fit(X)
        swaps = (
            total_distance(between, [*np.delete(model.medoid_indices_, i), other])
            for i, other in itertools.product(range(k), range(len(X)))
        )
        assert min(swaps) >= model.inertia_ - 1e-9


def test_the_first_medoids_of_build_are_the_greedy_ones():
    between = pairwise_distances(small(5, 30))
    medoids = []
    for _ in range(4):
        medoids.append(min(range(30), key=lambda x: total_distance(between, [*medoids, x])))
    assert kmedoids.first_medoids(between, 4, "build", None).tolist() == medoids


def test_the_first_medoids_are_drawn_by_distance():
    between = pairwise_distances([[0.0], [1.0], [4.0]])
    rng = np.random.default_rng(0)
    drawn = np.array([kmedoids.first_medoids(between, 2, "k-means++", rng) for _ in range(4000)])
    after_0 = drawn[drawn[:, 0] == 0, 1]
    assert (after_0 == 2).mean() == pytest.approx(4 / 5, abs=0.04)
    assert np.bincount(drawn[:, 0]) / 4000 == pytest.approx([1 / 3] * 3, abs=0.04)


def test_a_point_is_a_medoid_once_even_if_it_is_not_quite_where_it_is():
    """A metric with an arc cosine in it may find a point some way from itself."""
    between, rng = np.full((3, 3), 1e-9), np.random.default_rng(0)
    for init, _ in itertools.product(("k-means++", "build", "random"), range(20)):
        assert sorted(kmedoids.first_medoids(between, 3, init, rng)) == [0, 1, 2]


def test_medoids_may_be_given():
    X = SHAPES["blobs"][0]
    stuck = make("kmedoids", n_clusters=4, init=[0, 1, 2, 3], max_iter=1).fit(X)
    settled = make("kmedoids", n_clusters=4, init=np.array([0, 1, 2, 3])).fit(X)
    assert np.count_nonzero(stuck.medoid_indices_ != [0, 1, 2, 3]) == 1  # up to 1024 points, one swap a pass
    assert settled.inertia_ < stuck.inertia_ and settled.n_iter_ > stuck.n_iter_ == 1
    again = make("kmedoids", n_clusters=4, init=settled.medoid_indices_).fit(X)
    assert np.array_equal(again.medoid_indices_, settled.medoid_indices_) and again.n_iter_ == 1


@shapes
def test_medoids_are_points_and_predict_the_labels(shape):
    X, k, _ = SHAPES[shape]
    model = make("kmedoids", n_clusters=k).fit(X)
    assert np.array_equal(model.cluster_centers_, X[model.medoid_indices_])
    assert np.array_equal(model.predict(X), model.labels_)
    assert model.labels_[model.medoid_indices_].tolist() == list(range(k))
    between = distances(X, model.cluster_centers_, "euclidean")
    assert between.min(axis=1).sum() == pytest.approx(model.inertia_)


@pytest.mark.parametrize("init", ["build", "k-means++", "random"])
def test_more_medoids_than_places(init):
    X = np.array([[0.0], [0.0], [0.0], [5.0], [5.0]])
    with pytest.warns(ConvergenceWarning, match="only 2 of 4 clusters"):
        model = make("kmedoids", n_clusters=4, init=init).fit(X)
    assert model.inertia_ == 0 and len(set(model.medoid_indices_)) == 4
    assert same_partition(model.labels_, [0, 0, 0, 1, 1])


def test_a_function_that_returns_bare_labels_is_told():
    mine = clusterer("mine", lambda X: np.zeros(len(X), int))
    with pytest.raises(PluginError, match=r"^clusterer 'mine': its function returned a ndarray; it must return Clust"):
        mine().fit(np.eye(3))
