"""The kernels of an activation and of a loss, as the plan of a network makes them, on arrays of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.network.operands import Flat, Operation, Reals, Rows
from workbench.network.operations import activation_operation, loss_operation
from workbench.specs import Activation, Fused, Loss


def forward_operation(plugin: Activation, z: np.ndarray, options: tuple[float, ...]) -> Operation:
    """Fills ``output`` from ``z``, (n,) or, for an activation of rows, (rows, n)."""
    return activation_operation(plugin, "forward", {"z": z, "output": np.empty_like(z)}, options, _owner(plugin))


def backward_operation(
    plugin: Activation, z: np.ndarray, output: np.ndarray, grad_output: np.ndarray, options: tuple[float, ...]
) -> Operation:
    """Fills ``grad_x`` from arrays of one shape."""
    arrays = {"z": z, "output": output, "grad_output": grad_output, "grad_x": np.empty_like(z)}
    return activation_operation(plugin, "backward", arrays, options, _owner(plugin))


def batch_operation(
    plugin: Loss,
    form: Loss | Fused,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    reduction: str,
    options: tuple[float, ...],
    parts: int = 1,
) -> Operation:
    """Fills ``grad`` and ``total`` (``parts``, 8) from (rows, outputs), for a batch divided into so many parts."""
    arrays = {"y_true": y_true, "y_pred": y_pred, "grad": np.empty_like(y_pred), "total": np.zeros((parts, 8))}
    return loss_operation(plugin, form, arrays, reduction, options, _owner(plugin))


def function(*arguments):  # type: ignore[no-untyped-def]
    raise NotImplementedError("bound to a loss or its gradient")


def each_pair(y_true, y_pred, output, options):  # type: ignore[no-untyped-def]
    """output = a function of two numbers, such as a loss without the sum over its outputs."""
    for i in range(output.size):
        output[i] = function(y_true[i], y_pred[i], *options)


def each_row(y_true, y_pred, grad, output, options):  # type: ignore[no-untyped-def]
    """output = the losses of rows, whose gradients fill ``grad``."""
    for i in range(output.size):
        output[i] = function(y_true[i], y_pred[i], grad[i], *options)


def pairs_operation(
    plugin: Loss, part: Callable, y_true: np.ndarray, y_pred: np.ndarray, options: tuple[float, ...]
) -> Operation:
    """Fills ``output`` with ``part``, a loss, its gradient or a fused form of either, of each pair or row alone.

    The network adds losses up in float64 and scales gradients; here one sees what the plugin itself computes.
    """
    view = Rows if plugin.row else Flat
    operands: dict[str, Any] = {"y_true": view(y_true), "y_pred": view(y_pred)}
    if plugin.row:
        operands["grad"] = Rows(np.empty_like(y_pred))
    operands["output"] = Flat(np.empty(len(y_pred) if plugin.row else y_pred.shape, y_pred.dtype))
    operands["options"] = Reals(options)
    template = each_row if plugin.row else each_pair
    return Operation(f"pairs_{plugin.name}", template, operands, {"function": part}, _owner(plugin))


def _owner(plugin: Activation | Loss) -> str:
    return f"{plugin.kind} {plugin.name!r}"
