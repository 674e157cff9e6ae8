"""Leaky ReLU: a = z for z > 0, else negative_slope z."""

from workbench import Activation, hookimpl


def leaky_relu(z, negative_slope=0.01):
    return z if z > 0 else negative_slope * z


def derivative(z, a, negative_slope=0.01):
    return 1.0 if z > 0 else negative_slope


@hookimpl
def register_activations():
    return [Activation("leaky_relu", leaky_relu, derivative, initializer="he_uniform")]
