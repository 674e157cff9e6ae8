"""LeCun's initializers, which keep the variance of signals across linear and self-normalising (SELU) layers.

LeCun et al., "Efficient BackProp" (1998).
"""

import math

from workbench import Initializer, hookimpl


def lecun_uniform(rng, shape, fan_in, fan_out):
    """Uniform with variance 1 / fan_in; for SELU."""
    limit = math.sqrt(3 / fan_in)
    return rng.uniform(-limit, limit, shape)


def lecun_normal(rng, shape, fan_in, fan_out):
    """Normal with variance 1 / fan_in; for SELU."""
    return rng.normal(0, math.sqrt(1 / fan_in), shape)


@hookimpl
def register_initializers():
    return [Initializer("lecun_uniform", lecun_uniform), Initializer("lecun_normal", lecun_normal)]
