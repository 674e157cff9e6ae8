"""What networks are made of: an activation, a loss, a layer, an optimizer, a schedule and an initializer."""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le, Lt

from workbench import Layer, LayerShape, Parameter
from workbench.errors import ConfigError


def bent_identity(z):
    """Bent identity: a = (sqrt(z² + 1) - 1) / 2 + z."""
    return z + z * (z / (1 + hypotenuse(z))) / 2  # the same, and nothing cancels


def slope_of_bent_identity(z, a):
    return 1 + z / hypotenuse(z) / 2


def hypotenuse(z):
    """sqrt(z² + 1), where z² would overflow, too."""
    large, small = max(abs(z), 1), min(abs(z), 1)
    return large * math.sqrt(1 + (small / large) ** 2)


def cauchy(y_true, y_pred, scale: Annotated[float, Gt(0)] = 1.0):
    """Cauchy's loss: scale²/2 log(1 + (e/scale)²) with e = y_pred - y_true; the farther off, the weaker the pull."""
    e = (y_pred - y_true) / scale
    return scale * scale / 2 * math.log1p(e * e)


def gradient_of_cauchy(y_true, y_pred, scale=1.0):
    e = (y_pred - y_true) / scale
    return scale * e / (1 + e * e)


@dataclass(frozen=True)
class RMSNorm(Layer):
    """Each row of features divided by its root mean square, then scaled: output = x / sqrt(mean x² + eps) * weight.

    Any shape ``(..., features)``, unchanged. Zhang and Sennrich, "Root mean square layer normalization" (2019).
    """

    name = "rms_norm"
    eps: Annotated[float, Gt(0)] = 1e-5

    def build(self, input_shape):
        if not input_shape:
            raise ConfigError("layer 'rms_norm' needs samples of shape (..., features), not single numbers.")
        return LayerShape(
            output=input_shape,
            parameters={"weight": Parameter(input_shape[-1:], initializer="ones")},
            constants={"eps": self.eps},
        )

    @staticmethod
    def forward(x, weight, eps, output):
        n = weight.size
        rows, out = x.reshape((x.size // n, n)), output.reshape((x.size // n, n))
        for i in range(len(rows)):
            scale = inverse_rms(rows[i], eps)
            for j in range(n):
                out[i, j] = rows[i, j] * scale * weight[j]

    @staticmethod
    def backward(x, weight, eps, grad_output, grad_weight, grad_x):
        n = weight.size
        rows, grads = x.reshape((x.size // n, n)), grad_output.reshape((x.size // n, n))
        grad_rows = grad_x.reshape((grad_x.size // n, n))
        grad_weight[:] = 0
        for i in range(len(rows)):
            scale = inverse_rms(rows[i], eps)
            along = 0.0
            for j in range(n):
                grad_weight[j] += grads[i, j] * rows[i, j] * scale
                along += grads[i, j] * weight[j] * rows[i, j]
            along *= scale * scale / n
            if grad_x.size:
                for j in range(n):
                    grad_rows[i, j] = scale * (grads[i, j] * weight[j] - along * rows[i, j])


def inverse_rms(row, eps):
    total = 0.0
    for j in range(row.size):
        total += row[j] * row[j]
    return 1 / math.sqrt(total / row.size + eps)


def adamax(
    weight,
    grad,
    mean,
    largest,
    lr,
    step,
    beta1: Annotated[float, Ge(0), Lt(1)] = 0.9,
    beta2: Annotated[float, Ge(0), Lt(1)] = 0.999,
    eps: Annotated[float, Gt(0)] = 1e-8,
):
    """AdaMax: Adam that divides by the largest gradient of late; Kingma and Ba, "Adam" (2015), section 7.1."""
    mean = beta1 * mean + (1 - beta1) * grad
    largest = max(beta2 * largest, abs(grad) + eps)
    return weight - lr * mean / ((1 - beta1**step) * largest), mean, largest


def linear_decay(step, total_steps, steps_per_epoch, end: Annotated[float, Ge(0), Le(1)] = 0.0):
    """The learning rate falls in a straight line to ``end`` of itself, which it would reach after the last step."""
    return 1 - (1 - end) * step / total_steps


def rademacher(rng, shape, fan_in, fan_out):
    """All of one size, 1 / sqrt(fan_in), and of random sign."""
    return rng.choice([-1.0, 1.0], shape) / math.sqrt(fan_in)
