"""Stochastic gradient descent: weight <- weight - lr * grad, with momentum where asked for.

PyTorch's ``torch.optim.SGD`` (dampening 0) with its defaults but for lr: 0.01, as elsewhere, not 0.001. Momentum after
Polyak, "Some methods of speeding up the convergence of iteration methods" (1964), nesterov after Sutskever et al.,
"On the importance of initialization and momentum in deep learning" (2013).
"""

from typing import Annotated

from annotated_types import Ge

from workbench import Optimizer, hookimpl


def sgd(
    weight,
    grad,
    velocity,
    lr,
    step,
    momentum: Annotated[float, Ge(0)] = 0.0,
    nesterov: bool = False,
    weight_decay: Annotated[float, Ge(0)] = 0.0,
):
    """Stochastic gradient descent, with momentum and Nesterov's look-ahead as options."""
    grad = grad + weight_decay * weight
    velocity = momentum * velocity + grad
    if nesterov:
        return weight - lr * (grad + momentum * velocity), velocity
    return weight - lr * velocity, velocity


def without_momentum(weight, grad, lr, step, weight_decay=0.0):
    return (weight - lr * (grad + weight_decay * weight),)


def simpler(options):
    return without_momentum if options["momentum"] == 0 else None


@hookimpl
def register_optimizers():
    return [Optimizer("sgd", sgd, lr=0.01, simpler=simpler)]
