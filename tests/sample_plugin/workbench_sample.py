"""Bent identity: a = (sqrt(z² + 1) - 1) / 2 + z."""

import math

from workbench import Activation, hookimpl


def bent_identity(z):
    return (math.sqrt(z * z + 1) - 1) / 2 + z


def derivative(z, a):
    return z / (2 * math.sqrt(z * z + 1)) + 1


@hookimpl
def register_activations():
    return [Activation("bent_identity", bent_identity, derivative)]
