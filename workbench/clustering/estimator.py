"""A clustering function as a scikit-learn estimator: parameters, checks of the data, and what a fitted one can do."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.clustering.definition import Clustering, signature
from workbench.clustering.lloyd import count_clusters
from workbench.clustering.metric import distances, metric_for, nearest
from workbench.errors import DataError
from workbench.options import check_options, options_of


class ClusteringEstimator(ClusterMixin, BaseEstimator):
    """A clusterer made of functions; see ``workbench.clusterer``. Fitted, it has ``labels_``, ``n_clusters_``, ...

    ``history_`` holds every half-step, if the method has such.
    """

    _name: ClassVar[str]
    _fit: ClassVar[Callable[..., Clustering]]
    _options: ClassVar[inspect.Signature]
    _check_options: ClassVar[Callable[..., None] | None]

    def __init__(self, **options: Any) -> None:
        bound = self._options.bind(**options)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster ``X`` (n_samples, n_features); ``y`` is ignored. ``ConfigError``, ``DataError`` for what is wrong."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C")
        self.check_data(X)
        return self._take(type(self)._fit(X, **self._arguments(X)))

    def check_data(self, X: np.ndarray, y: Any = None) -> None:
        """Raise what ``fit`` would for these options and points, computing nothing."""
        arguments = self._arguments(X)
        wanted = arguments.get("n_clusters")
        if wanted is not None and wanted > len(X):
            raise DataError(f"n_clusters = {wanted} is more than the {len(X)} points there are.")
        if self._check_options is not None:
            self._check_options(X, **{name: value for name, value in arguments.items() if name != "rng"})

    def _arguments(self, X: np.ndarray) -> dict[str, Any]:
        """The checked options as the function takes them."""
        options = options_of(type(self).__init__, skip=("self",))
        arguments = check_options(f"clusterer {self._name!r}", options, self.get_params(deep=False))
        if "metric" in arguments:
            metric_for(arguments["metric"], X)
        if "random_state" in arguments:
            seed = arguments.pop("random_state")
            if not isinstance(seed, numbers.Integral):
                seed = check_random_state(seed).randint(2**31 - 1)
            arguments["rng"] = np.random.default_rng(int(seed))
        return arguments

    def _take(self, found: Clustering) -> Self:
        self._clustering = found
        self.labels_ = found.labels
        self.history_ = list(found.history)
        known = {"cluster_centers": found.centers, "inertia": found.inertia, "n_iter": found.n_iter}
        for name, value in (known | dict(found.attributes)).items():
            if value is not None:
                setattr(self, f"{name}_", value)
        return self

    @property
    def n_clusters_(self) -> int:
        """How many clusters were found, noise not among them."""
        return count_clusters(self.labels_)

    def _check(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=False)
        metric_for(self._clustering.metric, X)
        return X


class _Predicting(ClusteringEstimator):
    """New points find their cluster as the plugin says."""

    _predict: ClassVar[Callable[[Any, np.ndarray], np.ndarray]]

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of each point of ``X`` (n_samples, n_features), -1 for noise."""
        X = self._check(X)
        return type(self)._predict(self, X)


class _Centred(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Predicting):
    """Clusters with centres."""

    def transform(self, X: Any) -> np.ndarray:
        """Distances to all centres, (n_samples, n_clusters)."""
        X = self._check(X)
        return distances(X, self.cluster_centers_.astype(X.dtype, copy=False), self._clustering.metric)

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the inertia that ``X`` has at the nearest centres; higher is better, as for every score."""
        X = self._check(X)
        if self._clustering.adds == "distance":
            return -float(self.transform(X).min(axis=1).sum())
        _, costs = nearest(X, self.cluster_centers_.astype(X.dtype, copy=False), self._clustering.metric)
        return -float(costs.sum())

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)


class _Incremental:
    """Takes points in portions."""

    _partial_fit: ClassVar[Callable[..., Clustering]]

    def partial_fit(self: Any, X: Any, y: Any = None) -> Any:
        """Go on from the clustering so far with more points, ``X`` (n_samples, n_features)."""
        so_far = getattr(self, "_clustering", None)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=so_far is None)
        return self._take(type(self)._partial_fit(X, so_far, **self._arguments(X)))


def _nearest_center(model: Any, X: np.ndarray) -> np.ndarray:
    labels, _ = nearest(X, model.cluster_centers_.astype(X.dtype, copy=False), model._clustering.metric)
    return labels


@functools.cache
def estimator_class(
    name: str,
    fit: Callable[..., Clustering],
    centers: bool,
    predict: Callable[[Any, np.ndarray], np.ndarray] | None,
    partial_fit: Callable[..., Clustering] | None,
    check: Callable[..., None] | None,
) -> type[ClusteringEstimator]:
    """The class of one clusterer, the same object every time; its name is the plugin's, as a class is called."""
    base: type = _Centred if centers else _Predicting if predict is not None else ClusteringEstimator
    options = signature(fit)

    def initialise(self: Any, **given: Any) -> None:
        base.__init__(self, **given)  # type: ignore[misc]

    def reduce(self: Any) -> tuple:
        return _unfitted, (name, fit, centers, predict, partial_fit, check), self.__getstate__()

    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    initialise.__signature__ = options.replace(parameters=[itself, *options.parameters.values()])  # type: ignore[attr-defined]
    own: dict[str, Any] = {"_name": name, "_options": options, "__init__": initialise, "__reduce__": reduce}
    own |= {"__doc__": inspect.getdoc(fit), "__module__": __name__}
    own |= {"_fit": staticmethod(fit), "_predict": staticmethod(predict or _nearest_center)}
    own["_check_options"] = None if check is None else staticmethod(check)
    bases: tuple[type, ...] = (base,)
    if partial_fit is not None:
        bases, own["_partial_fit"] = (_Incremental, base), staticmethod(partial_fit)
    return type("".join(word.capitalize() for word in name.split("_")), bases, own)


def _unfitted(*described: Any) -> ClusteringEstimator:
    """What ``pickle`` and ``copy`` begin with: a class made at run time has no name to be found by."""
    return estimator_class(*described)()
