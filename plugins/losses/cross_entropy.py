"""Cross-entropy: L = -Σ y log ŷ, the negative log-likelihood; with softmax before it, dL/dz = ŷ - y."""

import math
from typing import Annotated

from annotated_types import Gt

from workbench import Fused, Loss, hookimpl
from workbench.plugins.losses._probability import log_probability

SMALLEST = 1.1754943508222875e-38  # the least normal float32: 1/p stays finite


def cross_entropy(y_true, y_pred, grad, base: Annotated[float, Gt(1)] = math.e):
    """Cross-entropy of a row of class probabilities, the negative log-likelihood; ``base`` of the logarithm, default e.

    ``y_true`` and ``y_pred`` are distributions; an outcome that cannot occur adds nothing (0 log 0 = 0).
    """
    unit = 1 / math.log(base)
    loss = 0.0
    for i in range(y_true.size):
        loss -= y_true[i] * log_probability(y_pred[i])
        grad[i] = -unit * y_true[i] / max(y_pred[i], SMALLEST)
    return unit * loss


def from_logits(y_true, z, grad, base=math.e):
    largest = max(z)
    for i in range(z.size):
        grad[i] = math.exp(z[i] - largest)
    total = 0.0
    loss = 0.0
    for i in range(z.size):
        total += grad[i]
        loss += y_true[i] * (largest - z[i])
    unit = 1 / math.log(base)
    for i in range(z.size):
        grad[i] = unit * (grad[i] / total - y_true[i])
    return unit * (loss + math.log(total))  # log ŷ = z - largest - log(total), and y sums to one


@hookimpl
def register_losses():
    fused = {"softmax": Fused(from_logits)}
    return [Loss("cross_entropy", cross_entropy, row=True, targets="distribution", fused=fused)]
