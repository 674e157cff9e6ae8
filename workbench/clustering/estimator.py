"""A clustering function as a scikit-learn estimator: parameters, checks of the data, and what a fitted one can do."""

from __future__ import annotations

import functools
import inspect
import numbers
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from workbench.clustering.lloyd import count_clusters
from workbench.clustering.metric import compile_metric, distances, metric_for, nearest
from workbench.clustering.result import Clustering
from workbench.errors import DataError, PluginError
from workbench.options import check_options, options_of

if TYPE_CHECKING:
    from workbench.clustering.definition import Definition


class ClusteringEstimator(ClusterMixin, BaseEstimator):
    """A clusterer made of functions; see ``workbench.clusterer``. Fitted, it has ``labels_``, ``n_clusters_``, ...

    ``history_`` holds every half-step, if the method has such.
    """

    _definition: ClassVar[Definition]

    def __init__(self, **options: Any) -> None:
        bound = self._definition.options.bind(**options)
        bound.apply_defaults()
        for name, value in bound.arguments.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple:
        return _unfitted, (self._definition,), self.__getstate__()

    def fit(self, X: Any, y: Any = None) -> Self:
        """Cluster ``X`` (n_samples, n_features); ``y`` is ignored. ``ConfigError``, ``DataError`` for what is wrong."""
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C")
        return self._take(self._definition.fit(X, **self._checked(X)))

    def check_data(self, X: np.ndarray, y: Any = None) -> None:
        """Raise what ``fit`` would for these options and points, clustering nothing."""
        arguments = self._checked(X)
        if "metric" in arguments:
            compile_metric(arguments["metric"], X.dtype.name, self._definition.centers)

    def _checked(self, X: np.ndarray) -> dict[str, Any]:
        """The options as the function takes them, fit for these points."""
        arguments = self._arguments(X)
        wanted = arguments.get("n_clusters")
        if wanted is not None and wanted > len(X):
            raise DataError(f"n_clusters = {wanted} is more than the {len(X)} points there are.")
        if self._definition.check is not None:
            self._definition.check(X, **{name: value for name, value in arguments.items() if name != "rng"})
        return arguments

    def _arguments(self, X: np.ndarray) -> dict[str, Any]:
        """The checked options as the function takes them."""
        options = options_of(type(self).__init__, skip=("self",))
        arguments = check_options(f"clusterer {self._definition.name!r}", options, self.get_params(deep=False))
        if "metric" in arguments:
            metric_for(arguments["metric"], X)
        if "random_state" in arguments:
            seed = arguments.pop("random_state")
            if not isinstance(seed, numbers.Integral):
                seed = check_random_state(seed).randint(2**31 - 1)
            arguments["rng"] = np.random.default_rng(int(seed))
        return arguments

    def _take(self, found: Clustering) -> Self:
        if not isinstance(found, Clustering):
            name, kind = self._definition.name, type(found).__name__
            raise PluginError(f"clusterer {name!r}: its function returned a {kind}; it must return Clustering(labels).")
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
    """New points find their cluster as the plugin says, or at the nearest centre."""

    def predict(self, X: Any) -> np.ndarray:
        """The cluster of each point of ``X`` (n_samples, n_features), -1 for noise."""
        X = self._check(X)
        if self._definition.predict is not None:
            return self._definition.predict(self, X)
        labels, _ = nearest(X, *self._centers(X))
        return labels

    def _centers(self, X: np.ndarray) -> tuple[np.ndarray, str, int | None]:
        """The centres in the precision of ``X``, the metric, and how many threads may compare ``X`` with them."""
        centers = self.cluster_centers_.astype(X.dtype, copy=False)
        return centers, self._clustering.metric, getattr(self, "threads", None)


class _Centred(ClassNamePrefixFeaturesOutMixin, TransformerMixin, _Predicting):
    """Clusters with centres."""

    def transform(self, X: Any) -> np.ndarray:
        """Distances to all centres, (n_samples, n_clusters)."""
        X = self._check(X)
        return distances(X, *self._centers(X))

    def score(self, X: Any, y: Any = None) -> float:
        """Minus the inertia that ``X`` has at the nearest centres; higher is better, as for every score."""
        X = self._check(X)
        if self._clustering.adds == "distance":
            return -float(self.transform(X).min(axis=1).sum())
        _, costs = nearest(X, *self._centers(X))
        return -float(costs.sum(dtype=np.float64))

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)


class _Incremental:
    """Takes points in portions."""

    def partial_fit(self: Any, X: Any, y: Any = None) -> Any:
        """Go on from the clustering so far with more points, ``X`` (n_samples, n_features); raises as ``fit``."""
        so_far = getattr(self, "_clustering", None)
        X = validate_data(self, X, dtype=[np.float64, np.float32], order="C", reset=so_far is None)
        # Where to begin must be found among the first points; those after may be fewer than clusters.
        arguments = self._checked(X) if so_far is None else self._arguments(X)
        return self._take(self._definition.partial_fit(X, so_far, **arguments))


@functools.cache
def estimator_class(definition: Definition) -> type[ClusteringEstimator]:
    """The class of one clusterer, the same object every time; its name is the plugin's, as a class is called."""
    base: type = ClusteringEstimator
    if definition.centers or definition.predict is not None:
        base = _Centred if definition.centers else _Predicting

    def initialise(self: Any, **given: Any) -> None:
        base.__init__(self, **given)  # type: ignore[misc]

    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = [itself, *definition.options.parameters.values()]
    initialise.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    own = {"_definition": definition, "__init__": initialise, "__doc__": inspect.getdoc(definition.fit)}
    bases = (base,) if definition.partial_fit is None else (_Incremental, base)
    name = "".join(word.capitalize() for word in definition.name.split("_"))
    return type(name, bases, own | {"__module__": __name__})


def _unfitted(definition: Definition) -> ClusteringEstimator:
    """What ``pickle`` and ``copy`` begin with: a class made at run time has no name to be found by."""
    return estimator_class(definition)()
