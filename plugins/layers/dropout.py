"""Dropout: while training, each input is zero with probability ``rate``, and the rest grow to make up for it.

Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014); inverted, so that
prediction changes nothing.
"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Lt

from workbench import Layer, LayerShape, hookimpl
from workbench.noise import uniform


@dataclass(frozen=True)
class Dropout(Layer):
    """While training, each input is zero with probability ``rate`` and otherwise multiplied by 1 / (1 - rate).

    Any shape, unchanged. The noise depends on the key and an element's place in the batch, on nothing else.
    """

    name = "dropout"
    rate: Annotated[float, Ge(0), Lt(1)] = 0.5

    def build(self, input_shape):
        return LayerShape(output=input_shape, workspace={"scale": input_shape}, constants={"rate": self.rate})

    @staticmethod
    def forward(x, output, scale, training, key, first_row, rate):
        flat_x, flat_output, flat_scale = x.reshape(x.size), output.reshape(x.size), scale.reshape(x.size)
        start = first_row * (x.size // max(x.shape[0], 1))
        for i in range(x.size):
            flat_scale[i] = 1.0
            if training:
                flat_scale[i] = 1 / (1 - rate) if uniform(key, start + i) >= rate else 0.0
            flat_output[i] = flat_x[i] * flat_scale[i]

    @staticmethod
    def backward(scale, grad_output, grad_x):
        flat_grad, flat_scale = grad_output.reshape(scale.size), scale.reshape(scale.size)
        flat_grad_x = grad_x.reshape(grad_x.size)
        for i in range(grad_x.size):
            flat_grad_x[i] = flat_grad[i] * flat_scale[i]


@hookimpl
def register_layers():
    return [Dropout]
