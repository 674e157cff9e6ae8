"""RMSprop: each weight's step is divided by the root of a moving average of its squared gradient.

PyTorch's ``torch.optim.RMSprop`` with its defaults; Hinton, "Neural networks for machine learning", lecture 6e (2012),
``centered`` after Graves, "Generating sequences with recurrent neural networks" (2013).
"""

import math
from typing import Annotated

from annotated_types import Ge, Gt, Le

from workbench import Optimizer, hookimpl


def rmsprop(
    weight,
    grad,
    square,
    mean,
    velocity,
    lr,
    step,
    alpha: Annotated[float, Ge(0), Le(1)] = 0.99,
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
    momentum: Annotated[float, Ge(0)] = 0.0,
    centered: bool = False,
):
    """RMSprop: steps scaled by a moving average of the squared gradient; optionally centered, with momentum."""
    grad = grad + weight_decay * weight
    square = alpha * square + (1 - alpha) * grad * grad
    mean = mean + (1 - alpha) * (grad - mean)
    # a variance is never negative, but its rounding can be
    spread = math.sqrt(max(square - mean * mean, 0.0) if centered else square)
    velocity = momentum * velocity + grad / (spread + eps)
    return weight - lr * velocity, square, mean, velocity


def plain(weight, grad, square, lr, step, alpha=0.99, eps=1e-8, weight_decay=0.0):
    grad = grad + weight_decay * weight
    square = alpha * square + (1 - alpha) * grad * grad
    return weight - lr * grad / (math.sqrt(square) + eps), square


def simpler(options):
    return plain if options["momentum"] == 0 and not options["centered"] else None


@hookimpl
def register_optimizers():
    return [Optimizer("rmsprop", rmsprop, lr=0.01, simpler=simpler)]
