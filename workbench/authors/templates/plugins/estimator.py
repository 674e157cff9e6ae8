"""my_idea: nearest neighbours whose votes fall with their distance, as a Gaussian does."""

import functools
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Estimator, hookimpl


def my_idea(task, *, n_neighbors: Annotated[int, Ge(1)] = 5, width: Annotated[float, Gt(0)] = 1.0):
    """The mean of the nearest neighbours, or their most frequent class, each counted less the farther away it is.

    Nadaraya, "On estimating regression" (1964), with a Gaussian of standard deviation ``width``.
    """
    # Imported here, so that `workbench plugins` and runs of other learners need not wait for it.
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    model = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
    return model(n_neighbors, weights=functools.partial(gaussian, width=width))


def gaussian(distances, width):
    """Weights of the neighbours (n_samples, n_neighbors); the nearest one's is 1, so that never all vanish."""
    squares = distances**2
    return np.exp((squares.min(axis=1, keepdims=True) - squares) / (2 * width**2))


# Any scikit-learn estimator will do, one of your own too. A network of layers of your own choice is
# workbench.NetworkClassifier(layers=[...]) or workbench.NetworkRegressor(layers=[...]).


@hookimpl
def register_estimators():
    return [Estimator("my_idea", my_idea)]
