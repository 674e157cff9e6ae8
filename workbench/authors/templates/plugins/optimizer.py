"""my_idea: momentum whose steps saturate, so that no weight ever moves by more than the learning rate."""

import math
from typing import Annotated

from annotated_types import Ge, Lt

from workbench import Optimizer, hookimpl


# ``velocity`` has no default: it is state, a number for each weight, 0 at first. ``step`` counts from 1.
def my_idea(weight, grad, velocity, lr, step, momentum: Annotated[float, Ge(0), Lt(1)] = 0.9):
    """Momentum whose steps saturate: no weight moves by more than the learning rate."""
    velocity = momentum * velocity + grad
    return weight - lr * math.tanh(velocity), velocity


@hookimpl
def register_optimizers():
    return [Optimizer("my_idea", my_idea, lr=0.01)]
