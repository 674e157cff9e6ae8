"""my_idea: a chessboard of two classes, which a network has to tell square by square."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl


def my_idea(
    n_samples: Annotated[int, Ge(2)] = 400,
    squares: Annotated[int, Ge(2)] = 3,
    noise: Annotated[float, Ge(0)] = 0.05,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Points on a board of ``squares`` x ``squares``, classes by colour, moved by Gaussian noise (std ``noise``)."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(0, squares, (n_samples, 2))
    y = np.floor(X).astype(int).sum(axis=1) % 2
    return Data(X + rng.normal(0, noise, X.shape), y, ["x1", "x2"], ["black", "white"])


@hookimpl
def register_datasets():
    return [Dataset("my_idea", my_idea, task="classification")]
