"""What training tells of the layers: gradient norms, updates, saturated and dead units, and which layer broke first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.errors import TrainingDiverged
from workbench.network.driver import Program
from workbench.network.operands import Operation
from workbench.network.plan import Plan

SATURATED = 1e-3  # an activation whose slope is below this hardly passes a gradient on

Record = dict[str, Any]


class Diagnostics:
    """An epoch's, read from the plan: means over its steps, and the slopes of activations on its last batch."""

    def __init__(self, plan: Plan, make_program: Callable[[Plan, Sequence[Operation]], Program]) -> None:
        self.plan = plan
        self.counts = np.zeros((len(plan.activations), 2))
        self.units = np.array([np.prod(stage.shape.output) for stage in plan.activations])
        self.slopes = make_program(plan, plan.slope_operations(self.counts, SATURATED))

    def record(self, steps: int, rows: int) -> Record:
        """Of an epoch of ``steps``, whose last batch had ``rows`` and still lies in the plan."""
        return self._of_weights(steps) | self._of_activations(rows)

    def _of_weights(self, steps: int) -> Record:
        means = self.plan.totals[self.plan.weight_rows] / steps
        if not len(means):
            return {}
        norms, ratios = means[:, 0].tolist(), means[:, 1].tolist()
        return {
            "gradients/first_layer": norms[0],
            "gradients/last_layer": norms[-1],
            "gradients/norm_by_layer": norms,
            "updates/ratio_by_layer": ratios,
        }

    def _of_activations(self, rows: int) -> Record:
        if not len(self.counts):
            return {}
        self.slopes.run(rows, rows, 0, 1, np.zeros(1), 0, 0, False, 1)
        return {
            "activations/saturated_by_layer": (self.counts[:, 0] / (self.units * rows)).tolist(),
            "activations/dead_by_layer": (self.counts[:, 1] / self.units).tolist(),
        }


def diverged(plan: Plan, steps_before: int, epoch: int, step: int) -> TrainingDiverged:
    """What broke first: a gradient, at the step noted with it, or the loss at ``step`` (of the epoch, from 1).

    ``steps_before`` were taken before this epoch.
    """
    broken = [(at, stage) for at, stage in zip(plan.broken.tolist(), plan.trained, strict=True) if at >= 0]
    forward = plan.stages[: len(plan.stages) - bool(plan.fused)]
    if broken:
        first = min(at for at, _ in broken)
        step = first - steps_before
        nearest = [stage for at, stage in broken if at == first][-1]  # gradients flow from the output backwards
        what, where = "a gradient", f"the gradient of {nearest}"
    else:
        largest = abs(plan.outputs[forward[-1].index]).max()
        what, where = "the loss", f"the loss, of outputs as large as {largest:.1e} from {forward[-1]}"
        for stage in reversed(forward):
            if not np.isfinite(plan.outputs[stage.index]).all():
                where = f"the output of {stage}"
    return TrainingDiverged(
        f"{what} is no longer finite in epoch {epoch}, step {step}: it began in {where}. A smaller learning rate than "
        f"{plan.optimizer.options['lr']:g} is the usual remedy; standardised inputs help too."
    )
