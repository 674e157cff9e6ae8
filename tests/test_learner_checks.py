"""The checks of clusterers and estimators: those of scikit-learn pass, each wrong one is refused with its reason."""

import numpy as np
import pytest
from sklearn import cluster, ensemble, linear_model, neighbors
from sklearn.base import BaseEstimator, ClassifierMixin

from workbench import Clusterer, Clustering, Estimator, clusterer
from workbench.errors import ConfigError
from workbench.testing import CheckFailed, CheckSkipped, CheckWarning, checks_of
from workbench.testing.kinds import clusterer as of_clusterers
from workbench.testing.kinds import estimator as of_estimators


def unhappy(spec):
    """What every check that does not pass says, by its name."""
    return {check.name: o.text for check in checks_of(spec) if (o := check.outcome()).status in ("failed", "warning")}


@pytest.mark.parametrize("model", [cluster.HDBSCAN, cluster.AgglomerativeClustering], ids=lambda m: m.__name__)
def test_clusterers_of_scikit_learn_pass(model):
    assert unhappy(Clusterer("theirs", model)) == {}


def test_kmeans_of_scikit_learn_is_told_that_its_last_bits_depend_on_threads():
    """Or they do not, where its BLAS has one thread."""
    found = unhappy(Clusterer("theirs", cluster.KMeans))
    assert found.keys() <= {"threads"}
    assert all("in the last digits only" in said for said in found.values())


def linear(task):
    """A line, or a border."""
    return linear_model.LogisticRegression() if task == "classification" else linear_model.LinearRegression()


def forest(task, n_estimators: int = 10, random_state: int = 0):
    """Trees."""
    model = ensemble.RandomForestClassifier if task == "classification" else ensemble.RandomForestRegressor
    return model(n_estimators, random_state=random_state)


def classes_only(task, n_neighbors: int = 3):
    """Neighbours vote."""
    if task != "classification":
        raise ConfigError("neighbours vote on classes alone.")
    return neighbors.KNeighborsClassifier(n_neighbors)


@pytest.mark.parametrize("function", [linear, forest, classes_only])
def test_estimators_of_scikit_learn_pass(function):
    assert unhappy(Estimator("theirs", function)) == {}


def test_a_task_that_is_refused_is_told():
    said = of_estimators.check_builds(Estimator("theirs", classes_only))
    assert said == "classification of samples (4,); regression is refused: neighbours vote on classes alone."


# Clusterers


class Mine(cluster.KMeans):
    """k-means, to be spoilt."""

    def __init__(self, n_clusters=8, random_state=0):
        super().__init__(n_clusters, random_state=random_state)


def mine(**methods):
    """The spec of such a clusterer with other methods."""
    return Clusterer("mine", type("Mine", (Mine,), {"__init__": Mine.__init__} | methods))


def after_fit(change):
    """A ``fit`` that does something to the fitted model and the points."""

    def fit(self, X, y=None, sample_weight=None):
        super(type(self), self).fit(X)
        change(self, X)
        return self

    return fit


def fitted(change):
    return mine(fit=after_fit(change))


def assign(**values):
    """A change of attributes, given as functions of the model and the points."""
    return lambda self, X: [setattr(self, name, value(self, X)) for name, value in values.items()]


def numbered_from_one(self, X):
    return self.labels_ + 1


def with_a_gap(self, X):
    return 2 * self.labels_


def by_order(self, X):
    """The first half of the points is a cluster, whatever they are."""
    return np.arange(len(X)) * min(self.n_clusters, len(X)) // len(X)


def near_the_origin(self, X):
    return (X[:, 0] > 7).astype(int) if self.n_clusters == 2 else self.labels_


def one_more(self, X):
    return np.arange(len(X)) % (self.n_clusters + 1)


def unseeded(self, X):
    return np.random.default_rng().permutation(self.labels_)


def shared(self, X):
    np.random.random()  # noqa: NPY002
    return self.labels_


def sum_of_distances(self, X):
    return np.linalg.norm(X - self.cluster_centers_[self.labels_], axis=1).sum()


def scales(self, X):
    X *= 2


def in_float64_only(self, X):
    return self.labels_ if X.dtype == np.float64 else np.zeros(len(X), int)


def breaks_on_one_feature(self, X):
    X[:, 1].sum()


def silent(self, X):
    if X.shape[1] == 1:
        raise ValueError


def no_centres(self, X):
    return self.cluster_centers_ * np.nan


WRONG = {
    "no estimator": (Clusterer("mine", lambda: 3), of_clusterers.check_builds, "gives 3, which is no estimator"),
    "fitted at once": (
        Clusterer("mine", lambda: cluster.KMeans(2).fit(np.eye(3))),
        of_clusterers.check_builds,
        "it has labels_",
    ),
    "fit gives labels": (
        mine(fit=lambda self, X: cluster.KMeans(2).fit(X).labels_),
        of_clusterers.check_builds,
        "fit returns ndarray, not the estimator itself",
    ),
    "no labels": (
        mine(fit=lambda self, X: self),
        of_clusterers.check_labels,
        "fitted, it has no labels_",
    ),
    "labels are numbers with a fraction": (
        fitted(assign(labels_=lambda self, X: self.labels_ / 1)),
        of_clusterers.check_labels,
        r"labels_ is float64 of shape \(40,\)",
    ),
    "a label too few": (
        fitted(assign(labels_=lambda self, X: self.labels_[1:])),
        of_clusterers.check_labels,
        r"of shape \(39,\); 40 points need",
    ),
    "labels from 1": (
        fitted(assign(labels_=numbered_from_one)),
        of_clusterers.check_labels,
        r"its labels are \[1, 2\]",
    ),
    "labels with a gap": (fitted(assign(labels_=with_a_gap)), of_clusterers.check_labels, r"its labels are \[0, 2\]"),
    "another noise": (
        fitted(assign(labels_=lambda self, X: self.labels_ - 2)),
        of_clusterers.check_labels,
        "a label is -2; clusters count from 0, and -1 is noise",
    ),
    "by order": (
        fitted(assign(labels_=lambda self, X: np.arange(len(X)) % 2)),
        of_clusterers.check_two_groups,
        r"n_clusters=2: of 20 points at \(12.0, 2.0\) and 20 .* it makes 2 clusters, in which the groups have 10 \+ 10",
    ),
    "all in one": (
        fitted(assign(labels_=lambda self, X: 0 * self.labels_)),
        of_clusterers.check_two_groups,
        "it makes a single cluster of 40 points",
    ),
    "two where one is asked for": (
        fitted(assign(labels_=lambda self, X: np.arange(len(X)) % 2)),
        of_clusterers.check_n_clusters,
        "n_clusters=1: it finds 2",
    ),
    "one more than is asked for": (
        fitted(assign(labels_=lambda self, X: one_more(self, X) if self.n_clusters > 1 else self.labels_)),
        of_clusterers.check_n_clusters,
        "n_clusters=2: it finds 3 in 30 random points",
    ),
    "another number of them": (
        fitted(assign(n_clusters_=lambda self, X: 7)),
        of_clusterers.check_n_clusters,
        "n_clusters_ is 7, but its labels are of 2 clusters",
    ),
    "predicts otherwise": (
        mine(predict=lambda self, X: np.zeros(len(X), int)),
        of_clusterers.check_predict,
        "20 of 40 points are predicted another cluster: .* has the label 1, but predict says 0",
    ),
    "predicts by the first feature": (
        mine(predict=lambda self, X: abs(X[:, :1] - self.cluster_centers_[:, 0]).argmin(axis=1)),
        of_clusterers.check_predict,
        r"fitted to (a line|random points).*predicted another cluster",
    ),
    "remembers the points, not where they were": (
        mine(predict=lambda self, X: self.labels_[: len(X)]),
        of_clusterers.check_predict,
        "lies amid cluster",
    ),
    "predicts places": (
        mine(predict=lambda self, X: self.cluster_centers_[super(Mine, self).predict(X)]),
        of_clusterers.check_predict,
        r"predict gives float64 of shape \(40, 2\) for 40 points",
    ),
    "predict fits anew": (
        mine(predict=lambda self, X: setattr(self, "labels_", 1 - self.labels_) or super(Mine, self).predict(X)),
        of_clusterers.check_predict,
        "predict changes labels_",
    ),
    "distances for squares": (
        fitted(assign(inertia_=sum_of_distances)),
        of_clusterers.check_inertia,
        "inertia_ is .*, but the euclidean cost of 60 random points from their centres adds up to",
    ),
    "centres that are not there": (
        fitted(assign(cluster_centers_=no_centres)),
        of_clusterers.check_inertia,
        r"cluster_centers_ has shape \(3, 2\), or is not finite",
    ),
    "parts them by order": (
        fitted(assign(labels_=by_order)),
        of_clusterers.check_invariance,
        r"makes two clusters, but in another order it makes 2 clusters, in which the groups have",
    ),
    "goes by a fixed place": (
        fitted(assign(labels_=near_the_origin)),
        of_clusterers.check_invariance,
        "but four times as large it makes",
    ),
    "another seed every time": (
        fitted(assign(labels_=unseeded)),
        of_clusterers.check_seed,
        "fitted twice to the same points with random_state=3, labels_ differs",
    ),
    "the generator of all": (
        fitted(assign(labels_=shared)),
        of_clusterers.check_seed,
        "it draws from np.random's gener",
    ),
    "changes the points": (fitted(scales), of_clusterers.check_input, r"it changes the points it is given: row 0 from"),
    "writes what was there": (
        fitted(lambda self, X: X.__setitem__(0, X[0].copy())),
        of_clusterers.check_input,
        r"it wants to write to the points it is given: .*line \d+: ValueError: assignment destination is read-only",
    ),
    "float64 only": (
        fitted(assign(labels_=in_float64_only)),
        of_clusterers.check_float32,
        "it makes a single cluster of 40 points in float32",
    ),
    "two features at least": (
        fitted(breaks_on_one_feature),
        of_clusterers.check_few_points,
        r"one feature, n_clusters=2: .*line \d+: IndexError: .*; a DataError should say what is wrong",
    ),
    "refuses without a word": (
        fitted(silent),
        of_clusterers.check_few_points,
        "of one feature it raises ValueError without a word",
    ),
    "no convention": (
        mine(
            fit=lambda self, X, y=None: Mine.fit(self, X) if len(X) > 1 else None, get_params=lambda self, deep=True: {}
        ),
        of_clusterers.check_scikit_learn,
        r"of scikit-learn's \d+ checks it fails check_\w+: ",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_clusterer_is_refused(wrong):
    spec, check, message = WRONG[wrong]
    with pytest.raises(CheckFailed, match=f"^clusterer 'mine': .*{message}"):
        check(spec)


def dense(X, *, eps: float = 0.5):
    """Noise shares a number with the first cluster."""
    labels = cluster.DBSCAN(eps=eps).fit(X).labels_
    return Clustering(np.where(labels < 0, 0, labels).astype(np.int32))


def test_noise_that_is_numbered_like_a_cluster_is_refused():
    with pytest.raises(CheckFailed, match=r"\(-40, -40\), far from all other points, is in cluster 0 with .* -1\."):
        of_clusterers.check_labels(clusterer("mine", dense))


def deaf(X, *, eps: float = 0.5, metric: str = "euclidean"):
    """Takes a metric, and another one."""
    return Clustering(cluster.DBSCAN(eps=eps).fit(X).labels_)


def deaf_too(X, *, n_clusters: int = 3, metric: str = "euclidean"):
    return Clustering(cluster.KMeans(n_clusters, random_state=0).fit(X).labels_)


@pytest.mark.parametrize(
    ("fit", "message"), [(deaf, "the same labels as its default"), (deaf_too, "of points in two directions it makes 2")]
)
def test_a_metric_that_is_not_used_is_refused(fit, message):
    with pytest.raises(CheckFailed, match=f"metric='cosine'.*{message}"):
        of_clusterers.check_metric_option(clusterer("mine", fit))


def fixed(X, rng, *, n_clusters: int = 2):
    """Takes a seed, and draws nothing."""
    return Clustering(cluster.AgglomerativeClustering(n_clusters).fit(X).labels_)


def test_a_seed_that_settles_nothing_is_told():
    with pytest.raises(CheckWarning, match="its option random_state makes no difference on 150 random points"):
        of_clusterers.check_seed(clusterer("mine", fixed))


def sharing(X, *, n_clusters: int = 3, threads: int = 1):
    """As many clusters as it has threads."""
    return Clustering((np.arange(len(X)) % threads).astype(np.int32))


def test_a_result_that_depends_on_threads_is_refused():
    with pytest.raises(CheckFailed, match="with two threads instead of one, labels_ differs on 12000 points"):
        of_clusterers.check_threads(clusterer("mine", sharing))


def in_words(X, *, n_clusters: str):
    return Clustering(np.zeros(len(X), np.int32))


def test_an_option_that_only_its_author_can_give_is_a_reason_to_skip():
    with pytest.raises(CheckSkipped, match="it needs a value for n_clusters, which only its author can think of"):
        of_clusterers.check_labels(clusterer("mine", in_words))


# Estimators


def knn(spoil=None, tasks=("classification", "regression"), **methods):
    """The spec of a vote of neighbours, with other methods."""

    def mine(task):
        """Neighbours vote."""
        base = neighbors.KNeighborsClassifier if task == "classification" else neighbors.KNeighborsRegressor
        return type("Mine", (base,), methods if task in tasks else {})(3)

    return Estimator("mine", mine)


def predicting(change):
    """The spec of one whose predictions are changed."""
    return knn(predict=lambda self, X: change(super(type(self), self).predict(X)))


def in_order_of(self, X):
    """The answers of other samples."""
    return np.roll(super(type(self), self).predict(X), len(X) // 2)


def wrongly(self, X, y=None):
    X[0, 0] += 1


ODD = {
    "no estimator": (
        Estimator("mine", lambda task: 3),
        of_estimators.check_builds,
        "gives 3, which is no estimator",
    ),
    "one task, whatever is asked for": (
        Estimator("mine", lambda task: neighbors.KNeighborsClassifier()),
        of_estimators.check_builds,
        r"regression: it takes no samples of shape \(4,\) or .*: ValueError: Unknown label type",
    ),
    "data changed": (
        knn(fit=lambda self, X, y: [wrongly(self, X), super(type(self), self).fit(X, y)][1]),
        of_estimators.check_input,
        r"it changes the data it is given: X\[0, 0\] from",
    ),
    "a table of answers": (
        predicting(lambda found: found[:, None]),
        of_estimators.check_predictions,
        r"classification: predict gives shape \(96, 1\) for 96 samples",
    ),
    "numbers for classes": (
        predicting(lambda found: np.unique(found, return_inverse=True)[1]),
        of_estimators.check_predictions,
        r"it predicts \d, which is none of the classes \('amber', 'blue', 'cyan'\)",
    ),
    "no numbers": (
        knn(predict=lambda self, X: np.full(len(X), np.nan), tasks=("regression",)),
        of_estimators.check_predictions,
        "it predicts numbers that are float64, or not finite",
    ),
    "shares of two": (
        knn(predict_proba=lambda self, X: 2 * super(type(self), self).predict_proba(X), tasks=("classification",)),
        of_estimators.check_predictions,
        "its probabilities are 0 or more, and add up to 1 within 1",
    ),
    "the least probable": (
        knn(
            predict_proba=lambda self, X: (1 - super(type(self), self).predict_proba(X)) / 2, tasks=("classification",)
        ),
        of_estimators.check_predictions,
        r"it predicts '\w+' where \[.*\] are its probabilities",
    ),
    "other answers every time": (
        knn(predict_proba=lambda self, X: np.random.default_rng().dirichlet((1, 1, 1), len(X))),
        of_estimators.check_seed,
        "trained twice on the same data, it differs in 288 of 288 predictions",
    ),
    "the generator of all": (
        knn(fit=lambda self, X, y: np.random.random() and super(type(self), self).fit(X, y)),  # noqa: NPY002
        of_estimators.check_seed,
        "it draws from np.random's generator",
    ),
    "data refused with a traceback": (
        knn(check_data=lambda self, X, y: X[:, 2]),
        of_estimators.check_data,
        r"check_data of 12 samples \(1,\) of one class raises .*IndexError.*; a DataError should say what is wrong",
    ),
    "checking that trains": (
        knn(check_data=lambda self, X, y: setattr(self, "network_", 1)),
        of_estimators.check_data,
        "check_data trains: afterwards the estimator has network_",
    ),
    "answers of others": (
        knn(predict=in_order_of, tasks=("regression",)),
        of_estimators.check_learns,
        "its predictions of numbers have an R² of -.*; their mean alone would have 0",
    ),
    "always the same": (
        knn(predict=lambda self, X: np.array(["amber"] * len(X)), tasks=("classification",)),
        of_estimators.check_learns,
        "it is right for 33% of samples that always the same would be for 33%",
    ),
}


@pytest.mark.parametrize("wrong", ODD)
@pytest.mark.filterwarnings("ignore")
def test_a_wrong_estimator_is_refused(wrong):
    spec, check, message = ODD[wrong]
    with pytest.raises(CheckFailed, match=f"^estimator 'mine': .*({message})"):
        check(spec)


class Brightest(ClassifierMixin, BaseEstimator):
    """Of images: the part of the rows that is brightest, as classes go in alphabetical order."""

    def fit(self, X, y):
        self.check_data(X, y)
        self.classes_ = np.unique(y)
        return self

    def check_data(self, X, y):
        if X.ndim != 4:
            raise ConfigError("images are needed.")

    def predict(self, X):
        parts = np.array_split(np.arange(X.shape[1]), 3)
        return self.classes_[np.argmax([X[:, rows].mean(axis=(1, 2, 3)) for rows in parts], axis=0)]


def brightest(task):
    """Which part is brightest?"""
    if task != "classification":
        raise ConfigError("brightness is of three kinds.")
    return Brightest()


def test_what_takes_images_alone_is_tried_with_images():
    spec = Estimator("mine", brightest)
    assert unhappy(spec) == {}
    assert "classification of samples (8, 8, 1); regression is refused" in of_estimators.check_builds(spec)
    assert of_estimators.check_learns(spec) == "right for 100%, by chance 33%"
    with pytest.raises(CheckSkipped, match="it takes images alone"):
        of_estimators.check_scikit_learn(spec)


def threaded(task, threads: int = 1, random_state: int = 0):
    """As many neighbours as threads."""
    return linear(task) if threads == 1 else neighbors.KNeighborsClassifier(threads)


def test_predictions_that_depend_on_threads_are_refused():
    with pytest.raises(CheckFailed, match="with two threads instead of one, 288 of 288 predictions differ"):
        of_estimators.check_threads(Estimator("mine", threaded))


def test_a_seed_without_effect_is_told():
    with pytest.raises(CheckWarning, match="its option random_state makes no difference to what it predicts"):
        of_estimators.check_seed(Estimator("mine", threaded))
