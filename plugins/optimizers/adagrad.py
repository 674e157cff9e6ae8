"""Adagrad: each weight's step is divided by the root of the sum of its squared gradients so far.

PyTorch's ``torch.optim.Adagrad`` with its defaults; Duchi, Hazan and Singer, "Adaptive subgradient methods for online
learning and stochastic optimization" (2011).
"""

import math
from typing import Annotated

from annotated_types import Ge, Gt

from workbench import Optimizer, hookimpl


def adagrad(
    weight,
    grad,
    square,
    lr,
    step,
    lr_decay: Annotated[float, Ge(0)] = 0.0,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
    initial_accumulator_value: Annotated[float, Ge(0)] = 0.0,
    eps: Annotated[float, Gt(0)] = 1e-10,
):
    """Adagrad: steps scaled by the sum of all squared gradients so far, so often-moved weights slow down."""
    grad = grad + weight_decay * weight
    square = square + grad * grad
    root = math.sqrt(initial_accumulator_value + square)
    return weight - lr / (1 + (step - 1) * lr_decay) * grad / (root + eps), square


@hookimpl
def register_optimizers():
    return [Optimizer("adagrad", adagrad, lr=0.01)]
