"""Average pooling: of every window of an image, the mean of each channel."""

from dataclasses import dataclass

from workbench import Layer, LayerShape, hookimpl
from workbench.plugins.layers import _image, _pooling


@dataclass(frozen=True)
class AvgPool2D(Layer):
    """The mean of each channel in every window of an image.

    Input ``(height, width, channels)``, output ``(out_height, out_width, channels)`` per sample; options as in
    ``conv2d``, ``stride`` None for ``kernel_size``. Padding counts as zeros, or with ``count_include_pad=False`` not at
    all. ``ConfigError`` for samples that are no images, kernels that do not fit and windows of nothing but padding.
    """

    name = "avg_pool2d"
    kernel_size: _image.Size = 2
    stride: _image.Size | None = None
    padding: _image.Padding = "valid"
    count_include_pad: bool = True

    def build(self, input_shape):
        output, tables = _pooling.clipped_windows(self.name, input_shape, self.kernel_size, self.stride, self.padding)
        height, width = _image.both(self.kernel_size)
        constants = {"area": height * width, "all_count": int(self.count_include_pad)}
        return LayerShape(output, workspace={"share": output[:2]}, constants=constants, tables=tables)

    @staticmethod
    def forward(x, output, share, rows, columns, area, all_count):
        for n in range(output.shape[0]):
            for i in range(output.shape[1]):
                for j in range(output.shape[2]):
                    mean = output[n, i, j]
                    mean[:] = 0
                    for h in range(rows[i, 0], rows[i, 1]):
                        for w in range(columns[j, 0], columns[j, 1]):
                            pixel = x[n, h, w]
                            for c in range(mean.size):
                                mean[c] += pixel[c]
                    covered = (rows[i, 1] - rows[i, 0]) * (columns[j, 1] - columns[j, 0])
                    share[n, i, j] = 1 / (area if all_count else covered)
                    part = share[n, i, j]  # in the network's precision, which a quotient of whole numbers is not
                    for c in range(mean.size):
                        mean[c] *= part

    @staticmethod
    def backward(share, rows, columns, grad_output, grad_x):
        if not grad_x.size:
            return
        grad_x[:] = 0
        for n in range(grad_output.shape[0]):
            for i in range(grad_output.shape[1]):
                for j in range(grad_output.shape[2]):
                    grad, part = grad_output[n, i, j], share[n, i, j]
                    for h in range(rows[i, 0], rows[i, 1]):
                        for w in range(columns[j, 0], columns[j, 1]):
                            pixel = grad_x[n, h, w]
                            for c in range(grad.size):
                                pixel[c] += grad[c] * part


@hookimpl
def register_layers():
    return [AvgPool2D]
