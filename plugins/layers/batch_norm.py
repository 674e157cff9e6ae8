"""Batch normalisation: each feature is brought to mean 0 and variance 1 over the batch, then scaled and shifted.

Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift"
(2015); conventions and defaults of PyTorch's ``BatchNorm1d`` and ``BatchNorm2d``, with the channels last.
"""

import math
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from workbench import Layer, LayerShape, Parameter, hookimpl
from workbench.errors import ConfigError


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Each feature brought to mean 0, variance 1 over the batch: (x - mean) / sqrt(var + eps) * weight + bias.

    Any shape ``(..., features)``, unchanged; statistics run over all axes but the last. Training uses the batch's
    own (variance over n) and moves ``running_mean`` and ``running_var`` (over n - 1) towards them by ``momentum``;
    prediction uses the running ones. A batch of one row has variance 0 and comes out as ``bias``.
    """

    name = "batch_norm"
    rowwise = False
    eps: Annotated[float, Gt(0)] = 1e-5
    momentum: Annotated[float, Ge(0), Le(1)] = 0.1

    def build(self, input_shape):
        if not input_shape:
            raise ConfigError("layer 'batch_norm' needs samples of shape (..., features), not single numbers.")
        features = input_shape[-1:]
        return LayerShape(
            output=input_shape,
            parameters={
                "weight": Parameter(features, initializer="ones"),
                "bias": Parameter(features, initializer="zeros"),
                "running_mean": Parameter(features, initializer="zeros", trainable=False),
                "running_var": Parameter(features, initializer="ones", trainable=False),
            },
            saved={"mean": features, "inverse_std": features},
            constants={"eps": self.eps, "momentum": self.momentum},
        )

    @staticmethod
    def forward(x, output, weight, bias, running_mean, running_var, mean, inverse_std, training, eps, momentum):
        features = weight.size
        n = x.size // features
        rows, out = x.reshape((n, features)), output.reshape((n, features))
        if training:
            mean[:] = 0
            inverse_std[:] = 0
            for i in range(n):
                for j in range(features):
                    mean[j] += rows[i, j]
            for j in range(features):
                mean[j] /= n
            for i in range(n):
                for j in range(features):
                    inverse_std[j] += (rows[i, j] - mean[j]) ** 2
            for j in range(features):
                running_mean[j] += momentum * (mean[j] - running_mean[j])
                running_var[j] += momentum * (inverse_std[j] / max(n - 1, 1) - running_var[j])
                inverse_std[j] = 1 / math.sqrt(inverse_std[j] / n + eps)
        else:
            for j in range(features):
                mean[j] = running_mean[j]
                inverse_std[j] = 1 / math.sqrt(running_var[j] + eps)
        for i in range(n):
            for j in range(features):
                out[i, j] = (rows[i, j] - mean[j]) * inverse_std[j] * weight[j] + bias[j]

    @staticmethod
    def backward(x, weight, mean, inverse_std, training, grad_output, grad_weight, grad_bias, grad_x):
        features = weight.size
        n = x.size // features
        rows, grad = x.reshape((n, features)), grad_output.reshape((n, features))
        grad_weight[:] = 0
        grad_bias[:] = 0
        for i in range(n):
            for j in range(features):
                grad_bias[j] += grad[i, j]
                grad_weight[j] += grad[i, j] * (rows[i, j] - mean[j]) * inverse_std[j]
        if grad_x.size:
            grad_rows = grad_x.reshape((n, features))
            # the batch's mean and variance depend on every row, the running ones on none
            share = 1 / n if training else 0.0
            for i in range(n):
                for j in range(features):
                    normalised = (rows[i, j] - mean[j]) * inverse_std[j]
                    through = grad[i, j] - share * (grad_bias[j] + normalised * grad_weight[j])
                    grad_rows[i, j] = weight[j] * inverse_std[j] * through


@hookimpl
def register_layers():
    return [BatchNorm]
