"""Spirals: arms wound around each other, one a class; hard for anything that draws simple boundaries."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Data, Dataset, hookimpl


def spirals(
    n_samples: Annotated[int, Ge(2)] = 400,
    arms: Annotated[int, Ge(2)] = 2,
    turns: Annotated[float, Gt(0)] = 1.5,
    noise: Annotated[float, Ge(0)] = 0.02,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Spiral arms from the origin to radius 1, one a class, with Gaussian noise (std ``noise``)."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % arms
    radius = rng.uniform(0, 1, n_samples)
    angle = 2 * np.pi * (turns * radius + y / arms)
    X = radius[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]) + rng.normal(0, noise, (n_samples, 2))
    return Data(X, y, ["x1", "x2"], [str(arm) for arm in range(arms)])


@hookimpl
def register_datasets():
    return [Dataset("spirals", spirals, task="classification")]
