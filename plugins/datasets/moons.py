"""Moons: two half circles that reach into each other; scikit-learn's ``make_moons``."""

from typing import Annotated

from annotated_types import Ge

from workbench import Data, Dataset, hookimpl


def moons(
    n_samples: Annotated[int, Ge(2)] = 400, noise: Annotated[float, Ge(0)] = 0.2, seed: Annotated[int, Ge(0)] = 0
):
    """Two half circles that reach into each other, with Gaussian noise (std ``noise``)."""
    from sklearn.datasets import make_moons

    X, y = make_moons(n_samples, noise=noise, random_state=seed)
    return Data(X, y, ["x1", "x2"], ["upper", "lower"])


@hookimpl
def register_datasets():
    return [Dataset("moons", moons, task="classification")]
