"""Hard sigmoid: a = z / 6 + 1/2, cut off at 0 and 1."""

from workbench import Activation, hookimpl


def hard_sigmoid(z):
    return min(max(z / 6 + 0.5, 0.0), 1.0)


def derivative(z, a):
    return 1 / 6 if -3 < z < 3 else 0.0


@hookimpl
def register_activations():
    return [Activation("hard_sigmoid", hard_sigmoid, derivative)]
