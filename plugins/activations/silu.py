"""Sigmoid-weighted linear unit, also called swish: a = z sigmoid(z)."""

import math

from workbench import Activation, hookimpl


def silu(z):
    e = math.exp(-abs(z))
    return z * ((1.0 if z >= 0 else e) / (1 + e))


def derivative(z, a):
    e = math.exp(-abs(z))
    return ((1.0 if z >= 0 else e) * (1 + e) + z * e) / ((1 + e) * (1 + e))


@hookimpl
def register_activations():
    return [Activation("silu", silu, derivative, initializer="he_uniform")]
