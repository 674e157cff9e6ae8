"""Sine curve: noisy points on y = sin x, the plainest regression that no straight line solves."""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt

from workbench import Data, Dataset, hookimpl


def sine_curve(
    n_samples: Annotated[int, Ge(1)] = 200,
    noise: Annotated[float, Ge(0)] = 0.1,
    periods: Annotated[float, Gt(0)] = 1.0,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Points on y = sin x, x uniform over ``periods`` periods around 0, with Gaussian noise (std ``noise``) on y."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-np.pi * periods, np.pi * periods, n_samples)
    y = np.sin(x) + rng.normal(0, noise, n_samples)
    return Data(x[:, None], y, ["x"], ["y"])


@hookimpl
def register_datasets():
    return [Dataset("sine_curve", sine_curve, task="regression")]
