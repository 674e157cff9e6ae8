"""Convolution of images: every output pixel sees a window of the input through the same weights; row C1.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016). Cross-correlation, as everywhere in
the field: the kernel is not flipped.
"""

from dataclasses import dataclass

from workbench import Layer, LayerShape, Parameter, hookimpl
from workbench.plugins.layers import _image
from workbench.plugins.layers._rows import add_rows
from workbench.windows import window_dot, window_dot_transposed, window_outer


@dataclass(frozen=True)
class Conv2D(Layer):
    """Filters that slide over an image: every output pixel sees a window of the input through the same weights.

    z[i, j, f] = bias[f] + sum over u, v, c of x[i stride + u, j stride + v, c] weight[u, v, c, f].

    Input ``(height, width, channels)``, output ``(out_height, out_width, filters)`` per sample; ``weight`` is
    ``(kernel_height, kernel_width, channels, filters)``, ``bias`` ``(filters,)``, or ``(0,)`` for ``bias=False``.
    ``kernel_size``, ``stride``, ``dilation`` (pixels from one tap to the next) and ``padding`` (zeros on every side, or
    ``valid``, none, or ``same``, as many as leave ceil(size / stride) pixels) are one number or (height, width).
    ``ConfigError`` for samples that are no images and kernels that do not fit.
    """

    name = "conv2d"
    filters: _image.Positive
    kernel_size: _image.Size = 3
    stride: _image.Size = 1
    padding: _image.Padding = "valid"
    dilation: _image.Size = 1
    bias: bool = True

    def build(self, input_shape):
        down, across = _image.axes(self.name, input_shape, self.kernel_size, self.stride, self.padding, self.dilation)
        channels = input_shape[2]
        area = down.kernel * across.kernel
        fan = {"fan_in": area * channels, "fan_out": area * self.filters}
        windows = _image.tables(
            _image.windows_of(down), _image.windows_of(across), across.windows, across.kernel, across.size, channels
        )
        pixels = _image.tables(
            _image.pixels_of(down), _image.pixels_of(across), across.size, across.kernel, across.windows, self.filters
        )
        return LayerShape(
            output=(down.windows, across.windows, self.filters),
            parameters={
                "weight": Parameter((down.kernel, across.kernel, channels, self.filters), **fan),
                "bias": Parameter((self.filters if self.bias else 0,), **fan, initializer="zeros"),
            },
            tables=windows | {f"x_{name}": table for name, table in pixels.items()},
        )

    @staticmethod
    def forward(x, weight, bias, output, parts, windows, taps):
        window_dot(x, parts, windows, taps, weight, bias, output)

    @staticmethod
    def backward(
        x, weight, bias, parts, windows, taps, x_parts, x_windows, x_taps, grad_output, grad_weight, grad_bias, grad_x
    ):
        window_outer(x, parts, windows, taps, grad_output, grad_weight)
        grad_bias[:] = 0
        add_rows(grad_output.reshape((grad_output.size // weight.shape[3], weight.shape[3])), grad_bias)
        if grad_x.size:
            # a product of the same kind: what a window of output pixels holds that see this pixel
            window_dot_transposed(grad_output, x_parts, x_windows, x_taps, weight, grad_x)


@hookimpl
def register_layers():
    return [Conv2D]
