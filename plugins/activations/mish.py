"""Mish: a = z tanh(softplus(z)), as z n / d with polynomials n, d in e^-|z| (Misra, 2019)."""

import math

from workbench import Activation, hookimpl


def mish(z):
    e = math.exp(-abs(z))
    n = 1 + 2 * e if z >= 0 else e * (e + 2)
    d = 1 + 2 * e * (1 + e) if z >= 0 else e * (e + 2) + 2
    return z * (n / d)


def derivative(z, a):
    e = math.exp(-abs(z))
    n = 1 + 2 * e if z >= 0 else e * (e + 2)
    d = 1 + 2 * e * (1 + e) if z >= 0 else e * (e + 2) + 2
    return (n * d + z * (4 * e * (1 + e) * (e if z >= 0 else 1.0))) / (d * d)


@hookimpl
def register_activations():
    return [Activation("mish", mish, derivative, initializer="he_uniform")]
