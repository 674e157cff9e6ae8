"""Rectified linear unit: a = max(z, 0), with derivative 0 at 0."""

from workbench import Activation, hookimpl


def relu(z):
    return max(z, 0.0)


def derivative(z, a):
    return 1.0 if z > 0 else 0.0


@hookimpl
def register_activations():
    return [Activation("relu", relu, derivative, initializer="he_uniform")]
