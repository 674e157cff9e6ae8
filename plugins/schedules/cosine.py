"""Cosine schedule: the learning rate falls along half a cosine.

PyTorch's ``CosineAnnealingLR``, taken per step; Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm
restarts" (2017).
"""

from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from workbench import Schedule, hookimpl


def cosine(step, total_steps, steps_per_epoch, final: Annotated[float, Ge(0), Le(1)] = 0.0):
    """The learning rate falls along half a cosine to the fraction ``final`` of itself."""
    return final + (1 - final) * (1 + np.cos(np.pi * step / total_steps)) / 2


@hookimpl
def register_schedules():
    return [Schedule("cosine", cosine)]
