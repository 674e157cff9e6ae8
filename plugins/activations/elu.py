"""Exponential linear unit: a = z for z > 0, else alpha (e^z - 1)."""

import math
from typing import Annotated

from annotated_types import Gt

from workbench import Activation, hookimpl


def elu(z, alpha: Annotated[float, Gt(0)] = 1.0):
    return z if z > 0 else alpha * math.expm1(z)


def derivative(z, a, alpha: Annotated[float, Gt(0)] = 1.0):
    return 1.0 if z > 0 else alpha * math.exp(z)


@hookimpl
def register_activations():
    return [Activation("elu", elu, derivative, initializer="he_uniform")]
