"""Uniform initializer: a range of one's own choice, whatever the layer's size."""

from typing import Annotated

from annotated_types import Gt

from workbench import Initializer, hookimpl


def uniform(rng, shape, fan_in, fan_out, limit: Annotated[float, Gt(0)] = 0.05):
    """Uniform between -``limit`` and ``limit``."""
    return rng.uniform(-limit, limit, shape)


@hookimpl
def register_initializers():
    return [Initializer("uniform", uniform)]
