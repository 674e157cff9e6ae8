"""Hyperbolic tangent: a = tanh z. In float32 within 3 ulp, derivative included."""

import math

from workbench import Activation, hookimpl


def tanh(z):
    return math.tanh(z)


def derivative(z, a):
    e = math.exp(-2 * abs(z))  # 1 - a^2 would cancel where a is near 1
    return 4 * e / (1 + e * (2 + e))  # (1 + e)^2 with fewer roundings


@hookimpl
def register_activations():
    return [Activation("tanh", tanh, derivative)]
