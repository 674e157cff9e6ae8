"""Global average pooling: of a whole image, the mean of each channel.

Lin, Chen and Yan, "Network in network" (2013): in place of dense layers, so that any size of image will do.
"""

from dataclasses import dataclass

from workbench import Layer, LayerShape, hookimpl
from workbench.plugins.layers import _image


@dataclass(frozen=True)
class GlobalAvgPool2D(Layer):
    """The mean of each channel over all pixels: ``(height, width, channels)`` to ``(channels,)`` per sample.

    ``ConfigError`` for samples that are no images.
    """

    name = "global_avg_pool2d"

    def build(self, input_shape):
        down, across = _image.axes(self.name, input_shape, 1, 1, "valid")
        return LayerShape(output=input_shape[2:], constants={"share": 1 / (down.size * across.size)})

    @staticmethod
    def forward(x, output, share):
        for n in range(x.shape[0]):
            mean = output[n]
            mean[:] = 0
            for h in range(x.shape[1]):
                for w in range(x.shape[2]):
                    pixel = x[n, h, w]
                    for c in range(mean.size):
                        mean[c] += pixel[c]
            for c in range(mean.size):
                mean[c] *= share

    @staticmethod
    def backward(share, grad_output, grad_x):
        for n in range(grad_x.shape[0]):
            grad = grad_output[n]
            for h in range(grad_x.shape[1]):
                for w in range(grad_x.shape[2]):
                    pixel = grad_x[n, h, w]
                    for c in range(pixel.size):
                        pixel[c] = grad[c] * share


@hookimpl
def register_layers():
    return [GlobalAvgPool2D]
