"""Constant schedule: the learning rate stays what it is."""

import numpy as np

from workbench import Schedule, hookimpl


def constant(step, total_steps, steps_per_epoch):
    """The learning rate stays what it is."""
    return np.ones(step.shape)


@hookimpl
def register_schedules():
    return [Schedule("constant", constant)]
