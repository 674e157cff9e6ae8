"""Sigmoid: a = 1 / (1 + e^-z) = e^z / (1 + e^z), whichever does not overflow. At most 3 ulp in float32."""

import math

from workbench import Activation, hookimpl


def sigmoid(z):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1 + e)


def derivative(z, a):
    e = math.exp(-abs(z))  # a (1 - a) would cancel where a is near 1
    return e / ((1 + e) * (1 + e))


@hookimpl
def register_activations():
    return [Activation("sigmoid", sigmoid, derivative)]
