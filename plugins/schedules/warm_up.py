"""Warm-up schedule: the learning rate rises in a straight line, then stays or falls along a cosine.

Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour" (2017).
"""

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Le

from workbench import Schedule, hookimpl
from workbench.plugins.schedules.constant import constant
from workbench.plugins.schedules.cosine import cosine


def warm_up(
    step,
    total_steps,
    steps_per_epoch,
    fraction: Annotated[float, Ge(0), Le(1)] = 0.1,
    then: Literal["constant", "cosine"] = "constant",
):
    """The learning rate rises evenly over the first ``fraction`` of all steps, ``then`` stays or falls."""
    rise = max(round(fraction * total_steps), 1)
    after = cosine if then == "cosine" else constant
    rest = after(np.maximum(step - rise, 0), max(total_steps - rise, 1), steps_per_epoch)
    return np.minimum((step + 1) / rise, 1) * rest


@hookimpl
def register_schedules():
    return [Schedule("warm_up", warm_up)]
