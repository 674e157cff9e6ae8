"""Binary cross-entropy: L = -(y log ŷ + (1 - y) log(1 - ŷ)); with sigmoid before it, dL/dz = ŷ - y."""

import math

from workbench import Fused, Loss, hookimpl
from workbench.plugins.losses._probability import log_probability


def binary_cross_entropy(y_true, y_pred):
    """Binary cross-entropy of probabilities, one per output; finite at 0 and 1, as in PyTorch.

    ``y_pred`` in [0, 1]; logarithms stop at -100 and the gradient's denominator at 1e-12.
    """
    return -(y_true * log_probability(y_pred) + (1 - y_true) * log_probability(1 - y_pred))


def gradient(y_true, y_pred):
    return (y_pred - y_true) / max(y_pred * (1 - y_pred), 1e-12)


def from_logit(y_true, z):
    # log(1 + e^z) = max(z, 0) + log(1 + e^-|z|): the exponent is never positive, so it cannot overflow
    return max(z, 0.0) - y_true * z + math.log1p(math.exp(-abs(z)))


def gradient_from_logit(y_true, z):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1 + e) - y_true


@hookimpl
def register_losses():
    fused = {"sigmoid": Fused(from_logit, gradient_from_logit)}
    return [Loss("binary_cross_entropy", binary_cross_entropy, gradient, targets="unit", fused=fused)]
