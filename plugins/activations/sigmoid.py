"""Sigmoid: a = 1 / (1 + e^-z), or e^z / (1 + e^z) below zero. In float32 within 2.5 ulp, derivative included."""

import math

from workbench import Activation, hookimpl


def sigmoid(z):
    e = math.exp(-abs(z))
    return (1.0 if z >= 0 else e) / (1 + e)


def derivative(z, a):
    e = math.exp(-abs(z))  # a (1 - a) would cancel where a is near 1
    return e / (1 + e * (2 + e))  # (1 + e)^2 with fewer roundings


@hookimpl
def register_activations():
    return [Activation("sigmoid", sigmoid, derivative)]
