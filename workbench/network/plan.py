"""The plan of a network: where every array lies, and the programs that train it, evaluate it and predict with it."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench.network import kernels
from workbench.network.architecture import Chosen, Stage
from workbench.network.operands import (
    START,
    STEP,
    Batch,
    Field,
    Flat,
    Operation,
    PerShard,
    Real,
    Rows,
    Whole,
    shards,
)
from workbench.network.operations import (
    SCALES,
    activation_operation,
    layer_operands,
    layer_operation,
    loss_operation,
    rule_of,
    update_operation,
)
from workbench.specs import Fused, Loss

_LINE = 64  # bytes of a cache line; arrays begin on one, and no two shards write to the same
# Shards by the arithmetic of a step that is shared out by rows. A layer shared out by features takes two barriers and
# carries what it reads from core to core: a tenth of its arithmetic counts.
_SHARD_WORK = ((2, 1e7), (4, 1e8), (8, 4e8))


def aligned(shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Zeros that begin on a cache line."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.zeros(size + _LINE, dtype=np.uint8)
    start = -memory.ctypes.data % _LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Plan:
    """Memory and programs of one network for one batch size.

    ``parameters`` and ``buffers`` are views by name; ``outputs[i]`` is stage i's output of the last batch, ``grads[i]``
    the gradient of the loss with respect to it.
    """

    def __init__(
        self, stages: Sequence[Stage], loss: Chosen, reduction: str, optimizer: Chosen, batch_size: int, dtype: str
    ) -> None:
        self.stages, self.dtype, self.batch_size = list(stages), dtype, batch_size
        self.loss, self.reduction, self.optimizer = loss, reduction, optimizer
        spec: Loss = loss.spec
        last = self.stages[-1]
        self.fused: Fused | None = spec.fused.get(last.name) if last.activation and len(stages) > 1 else None
        self.shards = shards(batch_size, self._shard_count())
        count = len(self.shards)

        self.x = aligned((batch_size, *stages[0].input_shape), dtype)
        self.y = aligned((batch_size, *last.shape.output), dtype)
        self.outputs: list[np.ndarray] = []
        self.grads: list[np.ndarray] = []
        for stage in self.stages:
            shape = (batch_size, *stage.shape.output)
            self.outputs.append(self._input_of(stage).reshape(shape) if stage.is_view else aligned(shape, dtype))
            alone = not stage.is_view or stage.index == 0
            self.grads.append(aligned(shape, dtype) if alone else self.grads[-1].reshape(shape))
        self.workspace = [
            {name: aligned((batch_size, *shape), dtype) for name, shape in s.shape.workspace.items()}
            | {name: aligned(shape, dtype) for name, shape in s.shape.saved.items()}
            for s in stages
        ]
        self.losses = aligned((count, 8), np.float64)
        self.correct = aligned((count, 8), np.int64)
        self._lay_out_parameters(count)
        self._rule = rule_of(optimizer)
        self.state = aligned((len(self._rule.states), self.weights.size), dtype)
        self.norms = aligned((len(self.trained), count, 8), np.float64)
        self.totals = aligned((max(1, len(self.trained)), 2), np.float64)
        self.broken = np.full(max(1, len(self.trained)), -1, dtype=np.int64)

    @functools.cached_property
    def parameters(self) -> dict[str, np.ndarray]:
        return {name: self.weights[a:b].reshape(shape) for name, (a, b, shape) in self.places.items()}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All that a network is: parameters and buffers."""
        return {**self.parameters, **self.buffers}

    def reduced(self, total: float, n: int) -> float:
        """The loss of ``n`` samples whose losses add up to ``total``."""
        return total * (SCALES[self.reduction] / (n if self.reduction == "mean" else 1))

    def gradients(self) -> dict[str, np.ndarray]:
        """Copies of the gradients that a backward pass left."""
        found = {}
        for stage in self.trained:
            for name, parts in self._gradients_of(stage).items():
                found[name] = np.add.reduce(parts)
        return found

    @property
    def workspace_bytes(self) -> int:
        """What a training step needs in memory besides parameters and buffers."""
        arrays = [self.x, self.y, self.state]
        arrays += [a for s in self.stages if not s.is_view for a in (self.outputs[s.index], self.grads[s.index])]
        arrays += [a for arrays in self.workspace for a in arrays.values()]
        arrays += [table for s in self.stages for table in s.shape.tables.values()]
        return sum(a.nbytes for a in [*arrays, *self._gradients.values()])

    @functools.cached_property
    def work(self) -> float:
        """Arithmetic operations of a training step in its products, roughly: forward and twice as much back."""
        return sum(map(self._work_of, self.stages))

    def _work_of(self, stage: Stage) -> float:
        weights = [p for p in stage.shape.parameters.values() if len(p.shape) > 1]
        return sum(6.0 * p.fan_in * math.prod(stage.shape.output) for p in weights) * self.batch_size

    @functools.cached_property
    def trained(self) -> list[Stage]:
        """Stages with trainable parameters: one row each in ``norms``, ``totals`` and ``broken``."""
        return [s for s in self.stages if s.n_parameters]

    @functools.cached_property
    def weight_rows(self) -> list[int]:
        """Which of these have a weight matrix: what diagnostics by layer count."""
        weights = [stage.shape.parameters[stage.trainable[0]] for stage in self.trained]
        return [i for i, weight in enumerate(weights) if len(weight.shape) > 1]

    @property
    def activations(self) -> list[Stage]:
        """Elementwise activations whose slope diagnostics look at: all but one that the loss has swallowed."""
        stages = self.stages[1 : len(self.stages) - bool(self.fused)]
        return [s for s in stages if s.activation is not None and not s.activation.row]

    def forward_operations(self, source: np.ndarray, order: np.ndarray, upto: int | None = None) -> list[Operation]:
        """Take the batch and run the first ``upto`` stages."""
        forward = [operation for operations in self._forwards[:upto] for operation in operations]
        return [self._take("x", source, order, self.x), *forward]

    def loss_operations(self, targets: np.ndarray, order: np.ndarray) -> list[Operation]:
        """Take the targets, compute losses and the gradient where the backward pass begins."""
        at = len(self.stages) - (2 if self.fused else 1)
        rows = (len(self.y), math.prod(self.y.shape[1:]))
        arrays = {
            "y_true": self.y.reshape(rows),
            "y_pred": self.outputs[at].reshape(rows),
            "grad": self.grads[at].reshape(rows),
            "total": self.losses,
        }
        options = tuple(float(value) for value in self.loss.options.values())
        spec: Loss = self.loss.spec
        return [
            self._take("y", targets, order, self.y),
            loss_operation(spec, self.fused or spec, arrays, self.reduction, options, self.loss.owner),
        ]

    def evaluate_operations(self, source: np.ndarray, targets: np.ndarray, order: np.ndarray) -> list[Operation]:
        """Forward, loss, and right answers counted in ``correct``."""
        last = replace(self._count_correct(len(self.stages) - 1), barrier=True, check_loss=True)
        first, *forward = self.forward_operations(source, order)
        # Nobody may overwrite a loss that another thread is still reading.
        return [replace(first, barrier=True), *forward, *self.loss_operations(targets, order), last]

    def output_operations(self, source: np.ndarray, order: np.ndarray, into: np.ndarray, layer: int) -> list[Operation]:
        """What stage number ``layer`` gives, collected in ``into``."""
        operands: dict[str, Any] = {
            "source": Rows(_rows_of(self.outputs[layer])),
            "target": Whole(into),
            "start": Field(START),
        }
        return [
            *self.forward_operations(source, order, layer + 1),
            Operation("put_rows", kernels.put_rows, operands),
        ]

    def gradient_operations(self, source: np.ndarray, targets: np.ndarray, order: np.ndarray) -> list[Operation]:
        """Forward to the loss and back: what ``gradients()`` reads."""
        upto = len(self.stages) - (1 if self.fused else 0)
        operations = self.forward_operations(source, order, upto) + self.loss_operations(targets, order)
        return operations + [o for backward in reversed(self._backwards[:upto]) for o in backward]

    def train_operations(self, source: np.ndarray, targets: np.ndarray, order: np.ndarray) -> list[Operation]:
        """One step; right answers are counted in ``correct``, as the network was when it gave them."""
        tally: dict[str, Any] = {"norms": Whole(self.norms), "totals": Whole(self.totals), "broken": Whole(self.broken)}
        return [
            *self.gradient_operations(source, targets, order),
            self._count_correct(len(self.stages) - (2 if self.fused else 1)),
            *self._updates,
            Operation("tally", kernels.tally, tally | {"step": Field(STEP)}, barrier=True, single=True),
        ]

    def slope_operations(self, counts: np.ndarray, small: float) -> list[Operation]:
        """Count small slopes and dead units of the last batch: row i of ``counts`` for ``activations[i]``."""
        operations = []
        for stage, row in zip(self.activations, counts, strict=True):
            slopes = np.ones_like(self.outputs[stage.index])
            backward = self._activation_backward(stage, slopes)
            flat = {"grad_output": Flat(slopes), "grad_x": Flat(slopes)}
            operations.append(replace(backward, operands={**backward.operands, **flat}))
            count: dict[str, Any] = {"slopes": Batch(_rows_of(slopes)), "counts": Whole(row), "small": Real(small)}
            operations.append(Operation("count_slopes", kernels.count_slopes, count, barrier=True, single=True))
        return operations

    def _count_correct(self, at: int) -> Operation:
        signs, logits = self.loss.spec.targets == "sign", at < len(self.stages) - 1
        operands: dict[str, Any] = {
            "y_true": Rows(_rows_of(self.y)),
            "y_pred": Rows(_rows_of(self.outputs[at])),
            "correct": PerShard(self.correct),
            "threshold": Real(0.0 if signs or logits else 0.5),
            "middle": Real(0.0 if signs else 0.5),
        }
        return Operation("count_correct", kernels.count_correct, operands)

    def _shard_count(self) -> int:
        work = sum(self._work_of(stage) * (0.1 if stage.is_wide else 1) for stage in self.stages)
        fits = [n for n, least in _SHARD_WORK if work >= least and self.batch_size >= n]
        return max(fits, default=1)

    def _lay_out_parameters(self, count: int) -> None:
        per_line = _LINE // np.dtype(self.dtype).itemsize
        self.places: dict[str, tuple[int, int, tuple[int, ...]]] = {}
        self.buffers: dict[str, np.ndarray] = {}
        size = 0
        for stage in self.stages:
            for name in stage.trainable:
                shape = stage.shape.parameters[name].shape
                length = math.prod(shape)
                self.places[f"{stage.index}.{name}"] = (size, size + length, shape)
                size += -(-length // per_line) * per_line
            for name, parameter in stage.shape.parameters.items():
                if not parameter.trainable:
                    self.buffers[f"{stage.index}.{name}"] = aligned(parameter.shape, self.dtype)
        self.weights = aligned((size,), self.dtype)
        self._gradients: dict[int, np.ndarray] = {}
        for stage in self.trained:
            start, stop = self._span_of(stage)
            self._gradients[stage.index] = aligned((1 if stage.is_wide else count, stop - start), self.dtype)

    # Every program is made of the same operations; they are stated once, and remember their rows and kernels.

    @functools.cached_property
    def _forwards(self) -> list[list[Operation]]:
        return [self._forward(stage) for stage in self.stages]

    @functools.cached_property
    def _backwards(self) -> list[list[Operation]]:
        return [self._backward(stage) for stage in self.stages]

    def _take(self, name: str, source: np.ndarray, order: np.ndarray, target: np.ndarray) -> Operation:
        operands: dict[str, Any] = {
            "source": Whole(_rows_of(source)),
            "order": Whole(order),
            "target": Rows(_rows_of(target)),
            "start": Field(START),
        }
        return Operation("take_rows", kernels.take_rows, operands)

    def _input_of(self, stage: Stage) -> np.ndarray:
        return self.outputs[stage.index - 1] if stage.index else self.x

    def _gradients_of(self, stage: Stage) -> dict[str, np.ndarray]:
        """By name the gradient of each shard, (shards, *shape); of a stage shared out by features there is only one."""
        parts, (start, _) = self._gradients[stage.index], self._span_of(stage)
        return {
            name: parts[:, a - start : b - start].reshape(len(parts), *shape)
            for name, (a, b, shape) in self._places_of(stage).items()
        }

    def _places_of(self, stage: Stage) -> dict[str, tuple[int, int, tuple[int, ...]]]:
        names = [f"{stage.index}.{name}" for name in stage.trainable]
        return {name: self.places[name] for name in names}

    def _span_of(self, stage: Stage) -> tuple[int, int]:
        """Where in ``weights`` a trained stage begins and ends."""
        places = list(self._places_of(stage).values())
        return places[0][0], places[-1][1]

    def _operands_of(self, stage: Stage) -> dict[str, Any]:
        arrays = self.arrays
        own = {name: arrays[f"{stage.index}.{name}"] for name in stage.shape.parameters}
        seen = {"x": self._input_of(stage), "output": self.outputs[stage.index]}
        return layer_operands(stage, {**seen, **own, **self.workspace[stage.index]})

    def _forward(self, stage: Stage) -> list[Operation]:
        """Nothing for a view."""
        if stage.layer is not None:
            return [] if stage.is_view else [layer_operation(stage, "forward", self._operands_of(stage))]
        arrays = {"z": self._input_of(stage), "output": self.outputs[stage.index]}
        return [activation_operation(stage.chosen.spec, "forward", arrays, stage.options, stage.chosen.owner)]

    def _backward(self, stage: Stage) -> list[Operation]:
        """Nothing for a view, and where no parameter lies below: a first activation passes no gradient to anybody."""
        below = [s for s in self.stages[: stage.index] if s.n_parameters]
        if stage.is_view or (not below and not stage.n_parameters):
            return []
        nobody = aligned((self.batch_size, *(0 for _ in stage.input_shape)), self.dtype)
        grad_x = self.grads[stage.index - 1] if below else nobody
        if stage.layer is not None:
            operands = self._operands_of(stage) | {
                "grad_output": Rows(self.grads[stage.index]),
                "grad_x": Rows(grad_x),
            }
            for place, parts in (self._gradients_of(stage) if stage.n_parameters else {}).items():
                name = f"grad_{place.partition('.')[2]}"
                operands[name] = PerShard(parts) if len(parts) == len(self.shards) else Whole(parts[0])
            return [layer_operation(stage, "backward", operands)]
        return [self._activation_backward(stage, grad_x)]

    def _activation_backward(self, stage: Stage, grad_x: np.ndarray) -> Operation:
        arrays = {
            "z": self._input_of(stage),
            "output": self.outputs[stage.index],
            "grad_output": self.grads[stage.index],
            "grad_x": grad_x,
        }
        return activation_operation(stage.chosen.spec, "backward", arrays, stage.options, stage.chosen.owner)

    @functools.cached_property
    def _updates(self) -> list[Operation]:
        change = aligned((len(self.shards), kernels.BLOCK), self.dtype)
        operations = []
        for i, stage in enumerate(self.trained):
            start, stop = self._span_of(stage)
            _, measured, _ = next(iter(self._places_of(stage).values()))
            arrays = {
                "weight": self.weights,
                "grads": self._gradients[stage.index],
                "state": self.state,
                "change": change,
                "norms": self.norms[i],
            }
            update = update_operation(self.optimizer, self._rule, arrays, (start, stop), measured)
            operations.append(replace(update, barrier=i == 0, check_loss=i == 0))
        return operations


def _rows_of(array: np.ndarray) -> np.ndarray:
    return array.reshape(len(array), -1)
