"""Kullback-Leibler divergence: L = Σ y log(y / ŷ) = cross-entropy - entropy; its gradient is cross-entropy's."""

from workbench import Fused, Loss, hookimpl
from workbench.plugins.losses import cross_entropy
from workbench.plugins.losses._probability import log_probability


def kl_divergence(y_true, y_pred, grad):
    """Kullback-Leibler divergence of a row of probabilities from ``y_true``, in nats; 0 log 0 = 0."""
    return cross_entropy.cross_entropy(y_true, y_pred, grad) - entropy(y_true)


def from_logits(y_true, z, grad):
    return cross_entropy.from_logits(y_true, z, grad) - entropy(y_true)


def entropy(p):
    total = 0.0
    for i in range(p.size):
        total -= p[i] * log_probability(p[i])
    return total


@hookimpl
def register_losses():
    fused = {"softmax": Fused(from_logits)}
    return [Loss("kl_divergence", kl_divergence, row=True, targets="distribution", fused=fused)]
