"""He's initializers, which keep the variance of signals across layers with ReLU and its kin.

He et al., "Delving deep into rectifiers" (2015).
"""

import math

from workbench import Initializer, hookimpl


def he_uniform(rng, shape, fan_in, fan_out):
    """Uniform with variance 2 / fan_in; for ReLU and its kin."""
    limit = math.sqrt(6 / fan_in)
    return rng.uniform(-limit, limit, shape)


def he_normal(rng, shape, fan_in, fan_out):
    """Normal with variance 2 / fan_in; for ReLU and its kin."""
    return rng.normal(0, math.sqrt(2 / fan_in), shape)


@hookimpl
def register_initializers():
    return [Initializer("he_uniform", he_uniform), Initializer("he_normal", he_normal)]
