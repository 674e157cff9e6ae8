"""Softsign: a = z / (1 + |z|)."""

from workbench import Activation, hookimpl


def softsign(z):
    return z / (1 + abs(z))


def derivative(z, a):
    return (1 / (1 + abs(z))) ** 2


@hookimpl
def register_activations():
    return [Activation("softsign", softsign, derivative)]
