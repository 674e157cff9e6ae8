"""A clusterer as the learner of a run: what it gets, what the run records, and what is refused."""

import numpy as np
import pytest
from sklearn import metrics

import workbench as wb
from workbench.errors import DataError
from workbench.experiment import cluster
from workbench.experiment.config import check
from workbench.experiment.execute import execute
from workbench.experiment.run import Run
from workbench.experiment.sweep import Sweep

MORE = """
from workbench import Clusterer, Data, Dataset, hookimpl

def theirs(*, k: int = 3, random_state: int = 0):
    "scikit-learn's own class, with no help of ours."
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=1, random_state=random_state)

def numbers():
    "Points with a number each."
    import numpy as np

    X = np.arange(40.0).reshape(20, 2)
    return Data(X, X[:, 0] / 3)

@hookimpl
def register_clusterers():
    return [Clusterer("theirs", theirs)]

@hookimpl
def register_datasets():
    return [Dataset("numbers", numbers)]
"""

FIRST = """from workbench import Metric, hookimpl

def distance(x, y):
    return {distance}

def center(points, center):
    center[:] = {center}

@hookimpl
def register_metrics():
    return [Metric("first", distance, center)]
"""


@pytest.fixture
def more(fakes):
    (fakes / "plugins" / "more.py").write_text(MORE)
    return fakes


def config(learner="kmeans", dataset="blobs", settings=None, **options):
    chosen = {"name": "trial", "dataset": {"name": dataset}, "learner": {"name": learner} | options, "figures": []}
    return check(chosen | (settings or {}))


def run(*arguments, **options):
    found = execute("it", config(*arguments, **options))
    assert found.status == "FINISHED", found.error
    return found


def test_a_clusterer_gets_every_sample_and_the_known_classes_are_kept_for_the_scores(fakes):
    data = config(n_clusters=3).data()
    assert (data.task, len(data.X_train), len(data.y_train), len(data.X_validation)) == ("clustering", 400, 400, 0)
    np.testing.assert_allclose(data.X_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.X_train.std(axis=0), 1)
    raw = config(settings={"standardise": False}).data()
    np.testing.assert_array_equal(raw.X_train, wb.get("dataset", "blobs").function().X)
    assert list(raw.feature_names) == ["x1", "x2"]


def test_images_are_rows_to_a_clusterer(fakes):
    chosen = check({"name": "it", "dataset": {"name": "digits", "flat": False}, "learner": {"name": "kmeans"}})
    assert chosen.data().X_train.shape == (1797, 64)


def test_so_many_samples_are_drawn_and_few_are_among_the_more(fakes):
    few, more, other = (
        config(settings={"training_samples": count, "seed": seed, "standardise": False}).data().X_train
        for count, seed in ((30, 0), (60, 0), (30, 1))
    )
    assert len(few) == 30
    assert {tuple(x) for x in few} < {tuple(x) for x in more}
    assert {tuple(x) for x in few} != {tuple(x) for x in other}
    with pytest.raises(DataError, match="has 400 samples, fewer than training_samples = 401"):
        config(settings={"training_samples": 401})


def test_inertia_is_a_metric_by_half_step(fakes):
    found = run(n_clusters=3)
    clustering = found.clustering()
    expected = [(i, each["inertia"]) for i, each in enumerate(clustering.history, start=1)]
    assert found.metrics["cluster/inertia"] == expected
    assert len(expected) == 2 * clustering.n_iter + (clustering.history[-1]["half"] == "assign")
    assert found.result("cluster/inertia") == clustering.inertia
    assert found.metrics["cluster/n_iter"] == [(0, clustering.n_iter)]


def test_the_scores_are_scikit_learns(fakes):
    chosen = config(n_clusters=4)
    found = execute("it", chosen)
    X, y, labels = chosen.data().X_train, chosen.data().y_train, found.clustering().labels
    expected = {
        "silhouette": metrics.silhouette_score(X, labels),
        "davies_bouldin": metrics.davies_bouldin_score(X, labels),
        "calinski_harabasz": metrics.calinski_harabasz_score(X, labels),
        "adjusted_rand": metrics.adjusted_rand_score(y, labels),
        "mutual_info": metrics.mutual_info_score(y, labels),
        "adjusted_mutual_info": metrics.adjusted_mutual_info_score(y, labels),
        "normalized_mutual_info": metrics.normalized_mutual_info_score(y, labels),
        "n_clusters": 4,
        "noise": 0,
    }
    for name, value in expected.items():
        assert found.result(f"cluster/{name}") == pytest.approx(value, rel=1e-9), name
    assert found.result("time/fit_seconds") > 0


def test_the_silhouette_is_in_the_clusterers_own_metric(fakes):
    chosen = config(n_clusters=4, metric="manhattan")
    labels = execute("it", chosen).clustering().labels
    X = chosen.data().X_train
    ours = execute("it", chosen).result("cluster/silhouette")
    assert ours == pytest.approx(metrics.silhouette_score(X, labels, metric="manhattan"), rel=1e-9)
    assert ours != pytest.approx(metrics.silhouette_score(X, labels), rel=1e-3)


def test_the_silhouette_of_many_points_is_that_of_a_sample(fakes, monkeypatch):
    monkeypatch.setattr(cluster, "SAMPLE", 100)
    X, labels = np.random.default_rng(0).normal(size=(500, 2)), np.arange(500) % 3
    labels[:50] = -1
    few, silhouettes = cluster.silhouette(X, labels, "euclidean", seed=1)
    assert len(few) == len(silhouettes) == 100
    assert labels[few].min() == 0
    np.testing.assert_allclose(silhouettes, metrics.silhouette_samples(X[few], labels[few]), rtol=1e-9)


def test_noise_belongs_to_no_cluster(fakes):
    data = config().data()
    labels = data.y_train.astype(np.int32)
    labels[::4] = -1
    scores = cluster.scores(wb.Clustering(labels), data, seed=0)
    kept = labels >= 0
    assert scores["cluster/noise"] == pytest.approx(0.25)
    assert scores["cluster/n_clusters"] == 3
    assert scores["cluster/silhouette"] == pytest.approx(metrics.silhouette_score(data.X_train[kept], labels[kept]))
    assert scores["cluster/adjusted_rand"] == pytest.approx(metrics.adjusted_rand_score(data.y_train, labels))


@pytest.mark.parametrize("labels", [np.zeros(400, np.int32), np.arange(400, dtype=np.int32), np.full(400, -1)])
def test_what_has_no_score_gets_none(fakes, labels):
    scores = cluster.scores(wb.Clustering(labels), config().data(), seed=0)
    assert not {"cluster/silhouette", "cluster/davies_bouldin", "cluster/calinski_harabasz"} & scores.keys()


def test_any_clusterer_that_keeps_the_conventions_will_do(more):
    found = run("theirs", k=3)
    assert found.clustering().centers.shape == (3, 2)
    assert found.clustering().history == []
    assert found.metrics["cluster/inertia"] == [(0, found.clustering().inertia)]


def test_real_targets_are_no_classes_to_compare_with(more):
    assert "cluster/adjusted_rand" not in run("kmeans", "numbers", n_clusters=2).metrics


def test_its_folder_alone_tells_the_clustering(fakes):
    found = run("kmeans", "outlets", n_clusters=3, init="random")
    again = Run.replay(found.directory)
    np.testing.assert_array_equal(again.clustering().labels, found.clustering().labels)
    np.testing.assert_array_equal(again.data().X_train, found.data().X_train)
    assert again.metrics == found.metrics
    assert "cluster/adjusted_rand" not in found.metrics
    assert execute("it", config("logistic")).clustering() is None


def test_the_seed_reaches_a_clusterer(fakes, workbench):
    result = workbench("run", "-m", "dataset=outlets", "learner=kmeans", "learner.init=random", "seed=0,1")
    assert result.code == 0, result.err
    (folder,) = (fakes / "runs").iterdir()
    first, second = (each.clustering() for each in Sweep.replay(folder).runs)
    third = run("kmeans", "outlets", {"seed": 0}, init="random").clustering()
    assert not np.array_equal(first.history[0]["centers"], second.history[0]["centers"])
    np.testing.assert_array_equal(first.history[0]["centers"], third.history[0]["centers"])
    assert "cluster/inertia" in result.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dataset=outlets", "learner=mlp"], "data set 'outlets' has nothing to predict, it is for clustering: choose"),
        (["learner=kmaens"], "no estimator or clusterer is named 'kmaens'; did you mean 'kmeans'"),
        (["learner=kmeans", "learner.n_clusters=0"], "learner: clusterer 'kmeans': n_clusters = 0 should be greater"),
        (["learner=kmeans", "learner.k=3"], "has no option 'k'"),
        (["learner=kmeans", "dataset=blobs", "learner.n_clusters=401"], "n_clusters = 401 is more than the 400 points"),
        (["learner=kmeans", "learner.metric=manhatan"], "no metric is named 'manhatan'; did you mean 'manhattan'"),
        (["learner=kmeans", "dataset=iris", "learner.metric=haversine"], "needs 2 features a point, X has 4"),
        (
            ["learner=kmeans", "dataset=outlets", "learner.metric=haversine"],
            "learner.metric: 'haversine' takes coordinates in degrees, and standardise=true makes standard deviations",
        ),
    ],
    ids=" ".join,
)
def test_what_cannot_be_clustered_is_told_before_anything_is_written(fakes, workbench, arguments, message):
    result = workbench("run", *arguments)
    assert result.code == 2
    assert message in result.err
    assert not (fakes / "runs").exists()


@pytest.mark.parametrize(
    ("learner", "distance", "center", "line"),
    [
        ("kmeans", "abs(x[0] - y[0]) + nowhere", "points[0, 0]", 4),
        ("kmeans", "abs(x[0] - y[0])", "points[0, 0] + nowhere", 7),
        ("dbscan", "abs(x[0] - y[0]) + nowhere", "points[0, 0]", 4),
    ],
)
def test_a_metric_that_cannot_be_compiled_is_told_before_anything_is_written(
    fakes, workbench, learner, distance, center, line
):
    (fakes / "plugins" / "first.py").write_text(FIRST.format(distance=distance, center=center))
    result = workbench("run", "dataset=blobs", f"learner={learner}", "learner.metric=first")
    assert result.code == 2
    assert f"metric 'first': plugins/first.py, line {line}: name 'nowhere' is not defined" in result.err
    assert not (fakes / "runs").exists()


def test_a_name_that_is_learner_and_clusterer_at_once_is_told(fakes, workbench):
    source = MORE.replace('"theirs", theirs', '"mlp", theirs')
    (fakes / "plugins" / "more.py").write_text(source)
    result = workbench("run", "learner=mlp")
    assert result.code == 2
    assert "learner 'mlp' is estimator and clusterer at once" in result.err


def test_a_figure_that_moves_is_a_gif(fakes):
    from matplotlib.animation import ArtistAnimation
    from matplotlib.figure import Figure as Canvas

    started = Run.start("it", "trial", {}, {})
    canvas = Canvas()
    axes = canvas.subplots()
    started.log_figure("moving", ArtistAnimation(canvas, [axes.plot([0, i]) for i in range(3)]))
    assert started.figures["moving"].name == "moving.gif"
    assert started.figures["moving"].read_bytes()[:4] == b"GIF8"
    started.close()
