"""Squared error: L = (y_true - y_pred)²; with reduction half_sum the output delta is exactly -(y - a) f'(z)."""

from workbench import Loss, hookimpl


def squared_error(y_true, y_pred):
    """Squared error (y_true - y_pred)², the loss of least squares."""
    return (y_pred - y_true) ** 2


def gradient(y_true, y_pred):
    return 2 * (y_pred - y_true)


@hookimpl
def register_losses():
    return [Loss("squared_error", squared_error, gradient, reductions=("mean", "sum", "half_sum"))]
