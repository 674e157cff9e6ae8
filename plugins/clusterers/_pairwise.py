"""The distances of all points from each other, for methods that need them at once."""

from workbench.clustering.metric import distances
from workbench.errors import DataError

MOST = 16_384  # points: their distances are 2 GiB


def pairwise(X, metric):
    """Distances of all points of ``X`` from each other, (n, n) float64 whatever the dtype of ``X``: 8 n² bytes."""
    X = X.astype("float64", copy=False)
    return distances(X, X, metric)


def check_pairs(X, **options):
    """Raises ``DataError`` for more than 16,384 points, whatever the options."""
    if len(X) > MOST:
        raise DataError(
            f"X has {len(X)} points. This method holds the distances of all pairs, and does so for {MOST} points at "
            "most: take a sample of them, or a method that needs fewer distances (kmeans, dbscan)."
        )
