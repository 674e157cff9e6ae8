"""my_idea: every feature has a weight of its own, output = x * weight + bias."""

from dataclasses import dataclass

from workbench import Layer, LayerShape, Parameter, hookimpl
from workbench.errors import ConfigError


@dataclass(frozen=True)
class MyIdea(Layer):
    """Every feature scaled and shifted: output = x * weight + bias, one number of each a feature.

    Samples ``(features,)``, unchanged in shape. ``initializer`` is what the weights start from. The docstring of
    ``workbench.Layer`` says what else a kernel may ask for: noise, tables, memory from forward to backward.
    """

    name = "my_idea"
    initializer: str = "ones"

    def build(self, input_shape):
        if len(input_shape) != 1:
            raise ConfigError(f"layer 'my_idea' needs samples of shape (features,), not {input_shape}: flatten first.")
        return LayerShape(
            output=input_shape,
            parameters={
                "weight": Parameter(input_shape, initializer=self.initializer),
                "bias": Parameter(input_shape, initializer="zeros"),
            },
        )

    @staticmethod
    def forward(x, weight, bias, output):
        for i in range(x.shape[0]):
            for j in range(weight.size):
                output[i, j] = x[i, j] * weight[j] + bias[j]

    @staticmethod
    def backward(x, weight, grad_output, grad_weight, grad_bias, grad_x):
        grad_weight[:] = 0  # what is to be filled holds anything at first
        grad_bias[:] = 0
        for i in range(x.shape[0]):
            for j in range(weight.size):
                grad_weight[j] += grad_output[i, j] * x[i, j]
                grad_bias[j] += grad_output[i, j]
        if grad_x.size:  # empty where nobody needs it, as in the first layer
            for i in range(x.shape[0]):
                for j in range(weight.size):
                    grad_x[i, j] = grad_output[i, j] * weight[j]


@hookimpl
def register_layers():
    return [MyIdea]
