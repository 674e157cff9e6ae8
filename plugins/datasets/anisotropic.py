"""Anisotropic: blobs drawn out to long, slanted clouds; scikit-learn's "anisotropicly distributed" example."""

from typing import Annotated

from annotated_types import Ge

from workbench import Data, Dataset, hookimpl

TRANSFORMATION = [[0.6, -0.6], [-0.4, 0.8]]


def anisotropic(
    n_samples: Annotated[int, Ge(1)] = 400, centers: Annotated[int, Ge(1)] = 3, seed: Annotated[int, Ge(0)] = 170
):
    """Long, slanted clouds side by side, one a class: round ones (std 1), all stretched and turned alike.

    Seed 170 is that of scikit-learn's example: three clouds that lie clear of each other.
    """
    from sklearn.datasets import make_blobs

    X, y = make_blobs(n_samples, centers=centers, random_state=seed)
    return Data(X @ TRANSFORMATION, y, ["x1", "x2"], [str(i) for i in range(centers)])


@hookimpl
def register_datasets():
    return [Dataset("anisotropic", anisotropic, task="classification")]
