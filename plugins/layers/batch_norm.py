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
    def forward(
        x, output, weight, bias, running_mean, running_var, mean, inverse_std, training, eps, momentum, start, stop
    ):
        n = x.size // weight.size
        rows, out = x.reshape((n, weight.size)), output.reshape((n, weight.size))
        mu, scale = mean[start:stop], inverse_std[start:stop]
        gain, shift = weight[start:stop], bias[start:stop]
        kept_mean, kept_var = running_mean[start:stop], running_var[start:stop]
        if training:
            mu[:] = 0
            scale[:] = 0
            for i in range(n):
                row = rows[i, start:stop]
                for j in range(mu.size):
                    mu[j] += row[j]
            for j in range(mu.size):
                mu[j] /= n
            for i in range(n):
                row = rows[i, start:stop]
                for j in range(mu.size):
                    scale[j] += (row[j] - mu[j]) ** 2
            for j in range(mu.size):
                kept_mean[j] += momentum * (mu[j] - kept_mean[j])
                kept_var[j] += momentum * (scale[j] / max(n - 1, 1) - kept_var[j])
                scale[j] = 1 / math.sqrt(scale[j] / n + eps)
        else:
            for j in range(mu.size):
                mu[j] = kept_mean[j]
                scale[j] = 1 / math.sqrt(kept_var[j] + eps)
        for i in range(n):
            row, normalised = rows[i, start:stop], out[i, start:stop]
            for j in range(mu.size):
                normalised[j] = (row[j] - mu[j]) * scale[j] * gain[j] + shift[j]

    @staticmethod
    def backward(x, weight, mean, inverse_std, training, grad_output, grad_weight, grad_bias, grad_x, start, stop):
        n = x.size // weight.size
        rows, grad = x.reshape((n, weight.size)), grad_output.reshape((n, weight.size))
        mu, scale, gain = mean[start:stop], inverse_std[start:stop], weight[start:stop]
        grad_gain, grad_shift = grad_weight[start:stop], grad_bias[start:stop]
        grad_gain[:] = 0
        grad_shift[:] = 0
        for i in range(n):
            row, delta = rows[i, start:stop], grad[i, start:stop]
            for j in range(mu.size):
                grad_shift[j] += delta[j]
                grad_gain[j] += delta[j] * (row[j] - mu[j]) * scale[j]
        if grad_x.size:
            grad_rows = grad_x.reshape((n, weight.size))
            # the batch's mean and variance depend on every row, the running ones on none
            share = weight.dtype.type(1 / n if training else 0)  # else 1 / n would be a double
            for i in range(n):
                row, delta, into = rows[i, start:stop], grad[i, start:stop], grad_rows[i, start:stop]
                for j in range(mu.size):
                    normalised = (row[j] - mu[j]) * scale[j]
                    through = delta[j] - share * (grad_shift[j] + normalised * grad_gain[j])
                    into[j] = gain[j] * scale[j] * through


@hookimpl
def register_layers():
    return [BatchNorm]
