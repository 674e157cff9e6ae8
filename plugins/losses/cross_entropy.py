"""Cross-entropy: L = -Σ y log ŷ, the negative log-likelihood; with softmax before it, dL/dz = ŷ - y."""

import math
from typing import Annotated

from annotated_types import Gt

from workbench import Fused, Loss, hookimpl
from workbench.plugins.losses._probability import log_probability

SMALLEST = 1.1754943508222875e-38  # the least normal float32: 1/p stays finite


def cross_entropy(y_true, y_pred, base: Annotated[float, Gt(1)] = math.e):
    """Cross-entropy of a row of class probabilities, the negative log-likelihood; ``base`` of the logarithm, default e.

    ``y_true`` and ``y_pred`` are distributions; an outcome that cannot occur adds nothing (0 log 0 = 0).
    """
    total = 0.0
    for i in range(y_true.size):
        total -= y_true[i] * log_probability(y_pred[i])
    return total / math.log(base)


def gradient(y_true, y_pred, grad, base=math.e):
    for i in range(y_true.size):
        grad[i] = -y_true[i] / (max(y_pred[i], SMALLEST) * math.log(base))


def from_logits(y_true, z, base=math.e):
    largest = z[0]
    for i in range(1, z.size):
        largest = max(largest, z[i])
    total = 0.0
    for i in range(z.size):
        total += math.exp(z[i] - largest)
    log_total = math.log(total)
    loss = 0.0
    for i in range(z.size):
        loss += y_true[i] * (log_total - (z[i] - largest))
    return loss / math.log(base)


def gradient_from_logits(y_true, z, grad, base=math.e):
    largest = z[0]
    for i in range(1, z.size):
        largest = max(largest, z[i])
    total = 0.0
    for i in range(z.size):
        grad[i] = math.exp(z[i] - largest)
        total += grad[i]
    for i in range(z.size):
        grad[i] = (grad[i] / total - y_true[i]) / math.log(base)


@hookimpl
def register_losses():
    fused = {"softmax": Fused(from_logits, gradient_from_logits)}
    return [Loss("cross_entropy", cross_entropy, gradient, row=True, targets="distribution", fused=fused)]
