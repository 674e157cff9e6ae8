"""Dense layer: z = x @ weight + bias, every output unit joined to every input."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from workbench import Layer, LayerShape, Parameter, hookimpl
from workbench.errors import ConfigError
from workbench.plugins.layers._rows import add_rows


@dataclass(frozen=True)
class Dense(Layer):
    """Every unit sees every input: z = x @ weight + bias.

    Input ``(in_features,)``, output ``(units,)`` per sample; ``weight`` is ``(in_features, units)``, ``bias``
    ``(units,)``, or ``(0,)`` for ``bias=False``. ``ConfigError`` for samples that are not 1-d.
    """

    name = "dense"
    units: Annotated[int, Ge(1)]
    bias: bool = True

    def build(self, input_shape):
        if len(input_shape) != 1:
            raise ConfigError(
                f"layer 'dense' needs samples of shape (features,), not {tuple(input_shape)}: flatten them first."
            )
        (in_features,) = input_shape
        return LayerShape(
            output=(self.units,),
            parameters={
                "weight": Parameter((in_features, self.units), fan_in=in_features, fan_out=self.units),
                "bias": Parameter((self.units if self.bias else 0,), in_features, self.units, initializer="zeros"),
            },
        )

    @staticmethod
    def forward(x, weight, bias, output, start, stop):
        np.matmul(x, weight[:, start:stop], output[:, start:stop])
        shift = bias[start:stop]
        for i in range(output.shape[0]):
            units = output[i, start:stop]
            for j in range(shift.size):
                units[j] += shift[j]

    @staticmethod
    def backward(x, weight, bias, grad_output, grad_weight, grad_bias, grad_x, start, stop):
        np.matmul(x[:, start:stop].T, grad_output, grad_weight[start:stop])
        if start == 0:
            grad_bias[:] = 0
            add_rows(grad_output, grad_bias)
        if grad_x.size:
            np.matmul(grad_output, weight[start:stop].T, grad_x[:, start:stop])


@hookimpl
def register_layers():
    return [Dense]
