"""Hinge loss: L = max(0, 1 - y_true y_pred) for y_true of -1 and +1, the loss of support vector machines."""

from workbench import Loss, hookimpl


def hinge(y_true, y_pred):
    """Hinge loss max(0, 1 - y_true y_pred) for classes -1 and +1; nothing to pay beyond the margin."""
    shortfall = 1 - y_true * y_pred
    return 0.0 if shortfall <= 0 else shortfall  # written so, and not with max, NaN stays NaN


def gradient(y_true, y_pred):
    return 0.0 if y_true * y_pred >= 1 else -y_true


@hookimpl
def register_losses():
    return [Loss("hinge", hinge, gradient, targets="sign")]
