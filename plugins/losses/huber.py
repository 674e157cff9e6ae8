"""Huber's loss: e²/2 where |e| <= delta, delta (|e| - delta/2) beyond; e = y_pred - y_true.

Huber, "Robust estimation of a location parameter" (1964); PyTorch's ``HuberLoss``.
"""

from typing import Annotated

from annotated_types import Gt

from workbench import Loss, hookimpl


def huber(y_true, y_pred, delta: Annotated[float, Gt(0)] = 1.0):
    """Huber's loss: half the squared error up to ``delta``, straight beyond, so outliers pull with bounded force."""
    e = abs(y_pred - y_true)
    return 0.5 * e**2 if e <= delta else delta * (e - 0.5 * delta)


def gradient(y_true, y_pred, delta=1.0):
    return min(max(y_pred - y_true, -delta), delta)


@hookimpl
def register_losses():
    return [Loss("huber", huber, gradient)]
