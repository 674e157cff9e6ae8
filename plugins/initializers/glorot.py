"""Glorot's initializers, which keep the variance of signals and gradients across layers with sigmoid or tanh.

Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010).
"""

import math

from workbench import Initializer, hookimpl


def glorot_uniform(rng, shape, fan_in, fan_out):
    """Uniform with variance 2 / (fan_in + fan_out); for sigmoid and tanh."""
    limit = math.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-limit, limit, shape)


def glorot_normal(rng, shape, fan_in, fan_out):
    """Normal with variance 2 / (fan_in + fan_out); for sigmoid and tanh."""
    return rng.normal(0, math.sqrt(2 / (fan_in + fan_out)), shape)


@hookimpl
def register_initializers():
    return [Initializer("glorot_uniform", glorot_uniform), Initializer("glorot_normal", glorot_normal)]
