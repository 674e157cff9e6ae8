"""Step schedule: the learning rate falls by a factor every few epochs; PyTorch's ``StepLR``."""

from typing import Annotated

from annotated_types import Ge, Gt

from workbench import Schedule, hookimpl


def staircase(
    step,
    total_steps,
    steps_per_epoch,
    step_size: Annotated[int, Ge(1)] = 10,
    gamma: Annotated[float, Gt(0)] = 0.1,
):
    """The learning rate is multiplied by ``gamma`` every ``step_size`` epochs."""
    return gamma ** (step // (step_size * steps_per_epoch))


@hookimpl
def register_schedules():
    return [Schedule("step", staircase)]
