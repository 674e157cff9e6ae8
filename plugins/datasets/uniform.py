"""Uniform points: no clusters at all, which any method that says how many there are should be seen to notice."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl


def uniform(
    n_samples: Annotated[int, Ge(1)] = 400,
    n_features: Annotated[int, Ge(1)] = 2,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Points spread evenly over the cube [-1, 1] in every feature, without clusters."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n_samples, n_features))
    return Data(X, None, [f"x{i + 1}" for i in range(n_features)])


@hookimpl
def register_datasets():
    return [Dataset("uniform", uniform, task="clustering")]
