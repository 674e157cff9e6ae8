"""Absolute error: L = |y_true - y_pred|, whose best constant prediction is the median."""

from workbench import Loss, hookimpl


def absolute_error(y_true, y_pred):
    """Absolute error |y_true - y_pred|, little moved by outliers; its gradient at 0 is 0."""
    return abs(y_pred - y_true)


def gradient(y_true, y_pred):
    if y_pred == y_true:
        return 0.0
    return 1.0 if y_pred > y_true else -1.0


@hookimpl
def register_losses():
    return [Loss("absolute_error", absolute_error, gradient)]
