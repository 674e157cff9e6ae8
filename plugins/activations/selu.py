"""Self-normalising ELU: a = scale z for z > 0, else scale alpha (e^z - 1) (Klambauer et al., 2017)."""

import math

from workbench import Activation, hookimpl

SCALE = 1.0507009873554805
SCALE_ALPHA = 1.7580993408473766  # alpha = 1.6732632423543772


def selu(z):
    return SCALE * z if z > 0 else SCALE_ALPHA * math.expm1(z)


def derivative(z, a):
    return SCALE if z > 0 else SCALE_ALPHA * math.exp(z)


@hookimpl
def register_activations():
    return [Activation("selu", selu, derivative, initializer="lecun_normal")]
