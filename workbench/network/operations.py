"""From a plugin to a kernel call: its template, its operands and what is bound, on whatever arrays there are."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench.errors import ConfigError
from workbench.network import kernels
from workbench.network.architecture import Chosen, Stage
from workbench.network.operands import (
    FIRST,
    STEP,
    TOTAL,
    Batch,
    Count,
    Field,
    Flat,
    Integer,
    LearningRate,
    NoiseKey,
    Operation,
    PerShard,
    Real,
    Reals,
    Rows,
    Span,
    Training,
    Whole,
    in_order_of,
    is_wide,
)
from workbench.specs import Activation, Fused, Loss, Optimizer

SCALES = {"mean": 1.0, "sum": 1.0, "half_sum": 0.5}  # of a batch's losses; the mean is divided by the samples, too
Part = Literal["forward", "backward"]


def activation_operation(
    spec: Activation, part: Part, arrays: Mapping[str, np.ndarray], options: tuple[float, ...], owner: str
) -> Operation:
    """An activation on ``z`` and ``output``, in backward also ``grad_output`` and ``grad_x``, all of one shape.

    Of one that works on single numbers the shape is any, of one that works on rows (rows, n).
    """
    assert spec.derivative is not None  # one is derived where none was given
    view = Rows if spec.row else Flat
    operands = {name: view(array) for name, array in arrays.items()} | {"options": Reals(options)}
    template: Callable
    if part == "forward":
        template, bind = kernels.activate_rows if spec.row else kernels.activate, {"function": spec.function}
    else:
        template = kernels.activate_rows_backward if spec.row else kernels.activate_backward
        bind = {"derivative": spec.derivative}
    return Operation(f"{spec.name}_{part}", template, operands, bind, owner)


def loss_operation(
    spec: Loss,
    form: Loss | Fused,
    arrays: Mapping[str, np.ndarray],
    reduction: str,
    options: tuple[float, ...],
    owner: str,
) -> Operation:
    """A loss, or a fused form of it, that fills ``grad`` and ``total`` from ``y_true`` and ``y_pred`` (rows, outputs).

    ``total`` has a row per shard.
    """
    view = Rows if spec.row else Flat
    operands: dict[str, Any] = {
        **{name: view(arrays[name]) for name in ("y_true", "y_pred", "grad")},
        "total": PerShard(arrays["total"]),
        "scale": Real(SCALES[reduction]),
        "mean": Integer(reduction == "mean"),
        "samples": Count(TOTAL),
        "options": Reals(options),
    }
    template = kernels.loss_of_rows if spec.row else kernels.loss
    bind = {"function": form.function} | ({"derivative": form.gradient} if form.gradient else {})
    return Operation(f"loss_{spec.name}", template, operands, bind, owner)


def layer_operands(stage: Stage, arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What a layer's kernels may name in forward; ``arrays`` are ``x``, ``output``, parameters, workspace and saved."""
    shape = stage.shape
    operands: dict[str, Any] = {name: Rows(arrays[name]) for name in ("x", "output", *shape.workspace)}
    operands |= {name: Whole(arrays[name]) for name in (*shape.parameters, *shape.saved)}
    for name, number in shape.constants.items():
        operands[name] = Integer(int(number)) if isinstance(number, numbers.Integral) else Real(number)
    operands |= {name: Whole(table) for name, table in shape.tables.items()}
    return operands | {"training": Training(), "key": NoiseKey(stage.index), "first_row": Field(FIRST)}


def layer_operation(stage: Stage, part: str, operands: Mapping[str, Any]) -> Operation:
    """A layer's ``forward`` or ``backward`` on what it names. ``PluginError`` for a name that stands for nothing."""
    kernel = getattr(stage.layer, part)
    wide = is_wide(kernel)
    if wide:
        features = operands["output" if part == "forward" else "x"].array.shape[-1]
        operands = {name: Batch(o.array) if type(o) is Rows else o for name, o in operands.items()}
        operands |= {"start": Span(0, features, 0), "stop": Span(0, features, 1), "first_row": Integer(0)}
    named = in_order_of(kernel, operands, f"{stage.chosen.owner}: {part}")
    return Operation(f"{stage.name}_{part}", kernel, named, {}, stage.chosen.owner, wide=wide)


@dataclass(frozen=True)
class Rule:
    """How an optimizer updates one weight: a function, the names of its state and the values of its options."""

    function: Callable
    states: tuple[str, ...]
    options: tuple[float, ...]


def rule_of(optimizer: Chosen) -> Rule:
    """The cheapest rule that an optimizer has for its options. ``ConfigError`` for too much state."""
    spec: Optimizer = optimizer.spec
    function = (spec.simpler and spec.simpler(optimizer.options)) or spec.function
    given = {name: value for name, value in optimizer.options.items() if name != "lr"}
    names = tuple(inspect.signature(function).parameters)
    states = tuple(name for name in names if name not in given and name not in spec.arguments)
    if len(states) >= len(kernels.STATE):
        raise ConfigError(f"{optimizer.owner}: at most {len(kernels.STATE) - 1} state arrays, not {list(states)}.")
    return Rule(function, states, tuple(float(given[name]) for name in names if name in given))


def update_operation(
    optimizer: Chosen, rule: Rule, arrays: Mapping[str, np.ndarray], span: tuple[int, int], measured: int
) -> Operation:
    """One step on ``weight[start:stop]``; what the ``arrays`` are is said in ``kernels.update``.

    ``change`` and ``norms`` have a row per shard. What lies before ``measured`` counts in the norms.
    """
    start, stop = span
    part, load, store = kernels.STATE[len(rule.states)]
    bind: dict[str, Callable] = {
        "function": rule.function,
        "part_of_state": part,
        "load_state": load,
        "store_state": store,
    }
    operands: dict[str, Any] = {
        "weight": Whole(arrays["weight"]),
        "grads": Whole(arrays["grads"]),
        "begin": Integer(start),
        "state": Whole(arrays["state"]),
        "change": PerShard(arrays["change"]),
        "lr": LearningRate(),
        "step": Count(STEP),
        "first": Span(start, stop, 0),
        "last": Span(start, stop, 1),
        "measured": Integer(measured),
        "norms": PerShard(arrays["norms"]),
        "options": Reals(rule.options),
    }
    return Operation(f"update_{optimizer.spec.name}", kernels.update, operands, bind, optimizer.owner)
