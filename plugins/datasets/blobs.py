"""Blobs: round clouds of points, one a class; scikit-learn's ``make_blobs``."""

from typing import Annotated

from annotated_types import Ge

from workbench import Data, Dataset, hookimpl


def blobs(
    n_samples: Annotated[int, Ge(1)] = 400,
    centers: Annotated[int, Ge(1)] = 3,
    n_features: Annotated[int, Ge(1)] = 2,
    cluster_std: Annotated[float, Ge(0)] = 1.0,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Round Gaussian clouds around random centres in [-10, 10], one a class."""
    from sklearn.datasets import make_blobs

    X, y = make_blobs(n_samples, n_features, centers=centers, cluster_std=cluster_std, random_state=seed)
    return Data(X, y, [f"x{i + 1}" for i in range(n_features)], [str(i) for i in range(centers)])


@hookimpl
def register_datasets():
    return [Dataset("blobs", blobs, task="classification")]
