"""my_idea: the learning rate falls as 1 / (1 + decay * epochs), fast at first and ever more slowly."""

from typing import Annotated

from annotated_types import Ge

from workbench import Schedule, hookimpl


def my_idea(step, total_steps, steps_per_epoch, decay: Annotated[float, Ge(0)] = 0.1):
    """The learning rate is divided by 1 + ``decay`` times the epochs so far."""
    # ``step`` is an array of all steps, from 0; what is returned are the factors on the learning rate.
    return 1 / (1 + decay * step / steps_per_epoch)


@hookimpl
def register_schedules():
    return [Schedule("my_idea", my_idea)]
