"""Circles: one inside the other; scikit-learn's ``make_circles``."""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from workbench import Data, Dataset, hookimpl


def circles(
    n_samples: Annotated[int, Ge(2)] = 400,
    noise: Annotated[float, Ge(0)] = 0.1,
    factor: Annotated[float, Gt(0), Lt(1)] = 0.5,
    seed: Annotated[int, Ge(0)] = 0,
):
    """A circle inside another of radius 1; ``factor`` is the inner radius, ``noise`` the std of Gaussian noise."""
    from sklearn.datasets import make_circles

    X, y = make_circles(n_samples, noise=noise, factor=factor, random_state=seed)
    return Data(X, y, ["x1", "x2"], ["outer", "inner"])


@hookimpl
def register_datasets():
    return [Dataset("circles", circles, task="classification")]
