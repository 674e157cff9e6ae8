"""Normal initializer: a standard deviation of one's own choice, whatever the layer's size."""

from typing import Annotated

from annotated_types import Gt

from workbench import Initializer, hookimpl


def normal(rng, shape, fan_in, fan_out, std: Annotated[float, Gt(0)] = 0.05):
    """Normal with mean 0 and standard deviation ``std``."""
    return rng.normal(0, std, shape)


@hookimpl
def register_initializers():
    return [Initializer("normal", normal)]
