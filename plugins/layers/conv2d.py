"""Convolution of images: every output pixel sees a window of the input through the same weights; row C1.

Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016). Cross-correlation, as everywhere in
the field: the kernel is not flipped.
"""

from dataclasses import dataclass

from workbench import Layer, LayerShape, Parameter, hookimpl
from workbench.plugins.layers import _image
from workbench.plugins.layers._rows import add_rows
from workbench.windows import window_dot, window_outer


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
    def forward(x, weight, bias, output, parts, pixels, taps):
        kernel = weight.reshape((-1, weight.shape[2], weight.shape[3]))
        samples, out = flat(x), by_pixel(output)
        for p in range(parts.shape[0]):
            i, j, s, t = parts[p, 0], parts[p, 1], parts[p, 2], parts[p, 3]
            window_dot(samples, pixels[0, i:j], taps[0, s:t], kernel, taps[1, s:t], bias, out, pixels[1, i:j])

    @staticmethod
    def backward(
        x, weight, bias, parts, pixels, taps, x_parts, x_pixels, x_taps, grad_output, grad_weight, grad_bias, grad_x
    ):
        grad = by_pixel(grad_output)
        grad_kernel = grad_weight.reshape((-1, weight.shape[2], weight.shape[3]))
        grad_kernel[:] = 0
        samples = flat(x)
        for p in range(parts.shape[0]):
            i, j, s, t = parts[p, 0], parts[p, 1], parts[p, 2], parts[p, 3]
            window_outer(samples, pixels[0, i:j], taps[0, s:t], grad, pixels[1, i:j], grad_kernel, taps[1, s:t])
        grad_bias[:] = 0
        add_rows(grad.reshape((grad.shape[0] * grad.shape[1], grad.shape[2])), grad_bias)
        if grad_x.size:
            # a pixel's gradient is a product of the same kind: the windows that cover it, by the kernel transposed
            transposed = weight.reshape((-1, weight.shape[2], weight.shape[3])).transpose(0, 2, 1)
            grads, grad_pixels = flat(grad_output), by_pixel(grad_x)
            for p in range(x_parts.shape[0]):
                i, j, s, t = x_parts[p, 0], x_parts[p, 1], x_parts[p, 2], x_parts[p, 3]
                starts, offsets, picked, places = x_pixels[0, i:j], x_taps[0, s:t], x_taps[1, s:t], x_pixels[1, i:j]
                window_dot(grads, starts, offsets, transposed, picked, bias[:0], grad_pixels, places)


def flat(images):
    return images.reshape((images.shape[0], images.shape[1] * images.shape[2] * images.shape[3]))


def by_pixel(images):
    return images.reshape((images.shape[0], images.shape[1] * images.shape[2], images.shape[3]))


@hookimpl
def register_layers():
    return [Conv2D]
