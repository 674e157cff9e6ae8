"""AdamW: Adam whose weight decay shrinks the weight itself and stays out of the moving averages.

PyTorch's ``torch.optim.AdamW`` with its defaults (betas as ``beta1`` and ``beta2``; amsgrad left out); Loshchilov and
Hutter, "Decoupled weight decay regularization" (2019).
"""

from typing import Annotated

from annotated_types import Ge, Gt, Lt

from workbench import Optimizer, hookimpl
from workbench.plugins.optimizers.adam import adam


def adamw(
    weight,
    grad,
    mean,
    square,
    lr,
    step,
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9,
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
    eps: Annotated[float, Gt(0)] = 1e-8,
    weight_decay: Annotated[float, Ge(0)] = 0.01,
):
    """Adam with decoupled weight decay: the weight shrinks by lr * ``weight_decay`` each step."""
    return adam(weight * (1 - lr * weight_decay), grad, mean, square, lr, step, beta1, beta2, eps, 0.0)


@hookimpl
def register_optimizers():
    return [Optimizer("adamw", adamw, lr=0.001)]
