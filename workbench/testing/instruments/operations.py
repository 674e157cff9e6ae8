"""The kernels of an activation and of a loss, as the plan of a network makes them, on arrays of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.network import kernels
from workbench.network.operands import TOTAL, Count, Flat, Integer, Operation, PerShard, Real, Reals, Rows
from workbench.specs import Activation, Fused, Loss

REDUCTIONS = {"mean": 1.0, "sum": 1.0, "half_sum": 0.5}  # and by what factor; the mean is divided by the samples, too


def forward_operation(plugin: Activation, z: np.ndarray, options: tuple[float, ...]) -> Operation:
    """Fills ``output`` from ``z``, (n,) or, for an activation of rows, (rows, n)."""
    view, template = (Rows, kernels.activate_rows) if plugin.row else (Flat, kernels.activate)
    operands: dict[str, Any] = {"z": view(z), "output": view(np.empty_like(z)), "options": Reals(options)}
    return Operation(f"{plugin.name}_forward", template, operands, {"function": plugin.function}, _owner(plugin))


def backward_operation(
    plugin: Activation, z: np.ndarray, output: np.ndarray, grad_output: np.ndarray, options: tuple[float, ...]
) -> Operation:
    """Fills ``grad_x`` from arrays of one shape."""
    assert plugin.derivative is not None  # one is derived where none was given
    view, template = (Rows, kernels.activate_rows_backward) if plugin.row else (Flat, kernels.activate_backward)
    operands: dict[str, Any] = {
        "z": view(z),
        "output": view(output),
        "grad_output": view(grad_output),
        "grad_x": view(np.empty_like(z)),
        "options": Reals(options),
    }
    return Operation(f"{plugin.name}_backward", template, operands, {"derivative": plugin.derivative}, _owner(plugin))


def loss_operation(
    plugin: Loss,
    form: Loss | Fused,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    reduction: str,
    options: tuple[float, ...],
    parts: int = 1,
) -> Operation:
    """Fills ``grad`` and ``total`` (``parts``, 8) from (rows, outputs), for a batch divided into so many parts."""
    view, template = (Rows, kernels.loss_of_rows) if plugin.row else (Flat, kernels.loss)
    operands: dict[str, Any] = {
        "y_true": view(y_true),
        "y_pred": view(y_pred),
        "grad": view(np.empty_like(y_pred)),
        "total": PerShard(np.zeros((parts, 8))),
        "scale": Real(REDUCTIONS[reduction]),
        "mean": Integer(reduction == "mean"),
        "samples": Count(TOTAL),
        "options": Reals(options),
    }
    bind = {"function": form.function} | ({"derivative": form.gradient} if form.gradient else {})
    return Operation(f"loss_{plugin.name}", template, operands, bind, _owner(plugin))


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
