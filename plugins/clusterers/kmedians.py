"""k-medians: Manhattan distances, centres are medians; an outlier does not drag them along. Row K3."""

from typing import Annotated, Any, Literal

from annotated_types import Ge

from workbench import clusterer, hookimpl
from workbench.plugins.clusterers.kmeans import kmeans


def kmedians(
    X,
    rng,
    *,
    n_clusters: Annotated[int, Ge(1)] = 8,
    init: Any = "k-means++",
    n_init: Annotated[int, Ge(1)] | Literal["auto"] = "auto",
    max_iter: Annotated[int, Ge(1)] = 300,
    tol: Annotated[float, Ge(0)] = 1e-4,
):
    """Partition into ``n_clusters`` around centres, each the median of its points in every feature.

    Bradley, Mangasarian and Street (1997): the k-means of the Manhattan metric. Options are those of ``kmeans``.
    """
    options = {"n_clusters": n_clusters, "init": init, "n_init": n_init, "max_iter": max_iter, "tol": tol}
    return kmeans(X, rng, metric="manhattan", **options)


@hookimpl
def register_clusterers():
    return [clusterer("kmedians", kmedians, centers=True)]
