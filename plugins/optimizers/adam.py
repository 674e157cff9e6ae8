"""Adam: moving averages of the gradient and of its square, corrected for starting at zero.

PyTorch's ``torch.optim.Adam`` with its defaults (betas as ``beta1`` and ``beta2``; amsgrad left out); Kingma and Ba,
"Adam: a method for stochastic optimization" (2015).
"""

import math
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from workbench import Optimizer, hookimpl


def adam(
    weight,
    grad,
    mean,
    square,
    lr,
    step,
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9,
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
):
    """Adam: a moving average of the gradient over the root of one of its square."""
    grad = grad + weight_decay * weight
    mean = mean + (1 - beta1) * (grad - mean)
    square = beta2 * square + (1 - beta2) * grad * grad
    root = math.sqrt(square) / math.sqrt(1 - beta2**step)
    return weight - lr / (1 - beta1**step) * mean / (root + eps), mean, square


@hookimpl
def register_optimizers():
    return [Optimizer("adam", adam, lr=0.001)]
