"""Max pooling: of every window of an image, the largest value of each channel."""

from dataclasses import dataclass

import numpy as np

from workbench import Layer, LayerShape, hookimpl
from workbench.plugins.layers import _image, _pooling


@dataclass(frozen=True)
class MaxPool2D(Layer):
    """The largest value of each channel in every window of an image.

    Input ``(height, width, channels)``, output ``(out_height, out_width, channels)`` per sample; options as in
    ``conv2d``, ``stride`` None for ``kernel_size``. As in PyTorch, padding is smaller than any number, a NaN is larger,
    and of equal values the first, row by row, gets the gradient. ``ConfigError`` for samples that are no images,
    kernels that do not fit and windows of nothing but padding.
    """

    name = "max_pool2d"
    kernel_size: _image.Size = 2
    stride: _image.Size | None = None
    padding: _image.Padding = "valid"
    dilation: _image.Size = 1

    def build(self, input_shape):
        output, tables = _pooling.clipped_windows(
            self.name, input_shape, self.kernel_size, self.stride, self.padding, self.dilation
        )
        down, across = _image.both(self.dilation)
        # the winner is a pixel of the image by its number
        return LayerShape(
            output, workspace={"winner": output}, constants={"down": down, "across": across}, tables=tables
        )

    @staticmethod
    def forward(x, output, winner, rows, columns, down, across):
        for n in range(output.shape[0]):
            for i in range(output.shape[1]):
                output[n, i] = -np.inf
                for h in range(rows[i, 0], rows[i, 1], down):
                    line = x[n, h]
                    for j in range(output.shape[2]):
                        best, place = output[n, i, j], winner[n, i, j]
                        if h == rows[i, 0]:
                            place[:] = h * x.shape[2] + columns[j, 0]
                        for w in range(columns[j, 0], columns[j, 1], across):
                            pixel, number = line[w], x.dtype.type(h * x.shape[2] + w)
                            for c in range(best.size):
                                wins = pixel[c] > best[c] or pixel[c] != pixel[c]
                                best[c] = pixel[c] if wins else best[c]
                                place[c] = number if wins else place[c]

    @staticmethod
    def backward(winner, rows, columns, down, across, grad_output, grad_x):
        if not grad_x.size:
            return
        grad_x[:] = 0
        for n in range(winner.shape[0]):
            for i in range(winner.shape[1]):
                for h in range(rows[i, 0], rows[i, 1], down):
                    line = grad_x[n, h]
                    for j in range(winner.shape[2]):
                        grad, place = grad_output[n, i, j], winner[n, i, j]
                        for w in range(columns[j, 0], columns[j, 1], across):
                            pixel, number = line[w], grad_x.dtype.type(h * grad_x.shape[2] + w)
                            for c in range(grad.size):
                                pixel[c] += grad[c] if place[c] == number else 0


@hookimpl
def register_layers():
    return [MaxPool2D]
