"""Carry a clustering out: the clusterer on all samples, its half-steps and scikit-learn's scores into a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from workbench.experiment.data import Prepared
from workbench.experiment.run import Run

if TYPE_CHECKING:
    import numpy as np

    from workbench.clustering import Clustering

INERTIA = "cluster/inertia"
SAMPLE = 2000  # points a silhouette is taken of: it needs all their distances


def cluster(run: Run, model: Any, data: Prepared, seed: int) -> None:
    """Fit ``model`` and log ``cluster/inertia`` by half-step, counted from 1, its scores, and what it found."""
    started = time.perf_counter()
    model.fit(data.X_train)
    seconds = time.perf_counter() - started
    found = clustering_of(model)
    for half_step, each in enumerate(found.history, start=1):
        run.log_metrics({INERTIA: each["inertia"]}, half_step)
    measured = {"time/fit_seconds": seconds} | scores(found, data, seed)
    run.log_metrics({key: value for key, value in measured.items() if key not in run.metrics}, step=0)
    run.log_clustering(found)


def clustering_of(model: Any) -> Clustering:
    """What a fitted scikit-learn clusterer found."""
    from workbench.clustering import Clustering

    if hasattr(model, "_clustering"):
        own: Clustering = model._clustering
        return own
    found = {name: getattr(model, f"{name}_", None) for name in ("inertia", "n_iter", "history")}
    inertia, n_iter, history = found.values()
    return Clustering(model.labels_, getattr(model, "cluster_centers_", None), inertia, n_iter, history or ())


def scores(found: Clustering, data: Prepared, seed: int) -> dict[str, float]:
    """scikit-learn's scores: of the clusters by themselves and, where classes are known, against these.

    Noise belongs to no cluster and is left out of the former; against classes it counts as one more cluster. The
    silhouette is in the clusterer's own metric, of at most ``SAMPLE`` points drawn by the seed; Davies-Bouldin and
    Calinski-Harabasz are Euclidean by definition.
    """
    import numpy as np
    from sklearn import metrics

    X, labels = data.X_train, found.labels
    clustered = np.flatnonzero(labels >= 0)
    n_clusters = len(np.unique(labels[clustered]))
    measured = {"cluster/n_clusters": float(n_clusters), "cluster/noise": 1 - len(clustered) / len(labels)}
    if found.inertia is not None:
        measured[INERTIA] = float(found.inertia)
    if found.n_iter is not None:
        measured["cluster/n_iter"] = float(found.n_iter)
    if 1 < n_clusters < len(clustered):
        measured["cluster/davies_bouldin"] = metrics.davies_bouldin_score(X[clustered], labels[clustered])
        measured["cluster/calinski_harabasz"] = metrics.calinski_harabasz_score(X[clustered], labels[clustered])
        few, silhouettes = silhouette(X, labels, found.metric, seed)
        if len(few):
            measured["cluster/silhouette"] = float(silhouettes.mean())
    if data.y_train.size:
        measured["cluster/adjusted_rand"] = metrics.adjusted_rand_score(data.y_train, labels)
        for name in ("mutual_info", "adjusted_mutual_info", "normalized_mutual_info"):
            measured[f"cluster/{name}"] = getattr(metrics, f"{name}_score")(data.y_train, labels)
    return {key: float(value) for key, value in measured.items()}


def silhouette(X: np.ndarray, labels: np.ndarray, metric: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which points were looked at (at most ``SAMPLE``, none that is noise), and the silhouette of each.

    Rousseeuw (1987): (b - a) / max(a, b), a the mean distance to the others of its cluster, b to those of the next.
    Empty where fewer than two clusters, or nothing but single points, are among them.
    """
    import numpy as np
    from sklearn.metrics import silhouette_samples

    from workbench.clustering.metric import distances

    clustered = np.flatnonzero(labels >= 0)
    few = np.sort(np.random.default_rng(seed).permutation(clustered)[:SAMPLE])
    if not 1 < len(np.unique(labels[few])) < len(few):
        return few[:0], np.empty(0)
    points = np.ascontiguousarray(X[few], dtype=np.float64)
    between = distances(points, points, metric)
    np.fill_diagonal(between, 0)  # not quite zero for metrics with an arc cosine in them
    return few, silhouette_samples(between, labels[few], metric="precomputed")
