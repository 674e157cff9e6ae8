"""XOR: class 1 where exactly one of two inputs is one; no straight line separates the classes."""

from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Data, Dataset, hookimpl

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


def xor(n_samples: Annotated[int, Ge(4)] = 200, noise: Annotated[float, Ge(0)] = 0.1, seed: Annotated[int, Ge(0)] = 0):
    """Exclusive or of two inputs: the four corners of the unit square in turn, with Gaussian noise (std ``noise``)."""
    corner = np.arange(n_samples) % 4
    X = CORNERS[corner] + np.random.default_rng(seed).normal(0, noise, (n_samples, 2))
    y = CORNERS[corner].sum(axis=1) == 1
    return Data(X, y.astype(np.int64), ["x1", "x2"], ["same", "different"])


@hookimpl
def register_datasets():
    return [Dataset("xor", xor, task="classification")]
