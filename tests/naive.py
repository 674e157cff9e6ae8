"""Slow oracles in plain loops, to be read rather than run: convolution and pooling of images, with their gradients.

Images are (batch, height, width, channels), weights (kernel height, kernel width, channels, filters). ``stride`` and
``dilation`` are pairs, ``padding`` is ((top, bottom), (left, right)).
"""

import numpy as np


def padding_of(option, sizes, kernel, stride, dilation):
    """``((top, bottom), (left, right))`` of the option "valid", "same", a number, or (height, width)."""
    if option == "valid":
        return (0, 0), (0, 0)
    if option == "same":
        around = []
        for size, taps, step, spread in zip(sizes, kernel, stride, dilation, strict=True):
            windows = int(np.ceil(size / step))
            missing = (windows - 1) * step + (taps - 1) * spread + 1 - size
            around.append((max(missing, 0) // 2, (max(missing, 0) + 1) // 2))
        return tuple(around)
    height, width = (option, option) if isinstance(option, int) else option
    return (height, height), (width, width)


def pad(x, padding, value):
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def crop(padded, padding):
    (top, bottom), (left, right) = padding
    return padded[:, top : padded.shape[1] - bottom, left : padded.shape[2] - right]


def out_size(padded, kernel, stride, dilation):
    return [(padded.shape[1 + axis] - (kernel[axis] - 1) * dilation[axis] - 1) // stride[axis] + 1 for axis in range(2)]


def convolution(x, weight, bias, stride, padding, dilation):
    """z[n, i, j, f] = bias[f] + the sum over u, v, c of x[n, i stride + u dilation, ..., c] weight[u, v, c, f]."""
    x = pad(x, padding, 0)
    kernel_height, kernel_width, channels, filters = weight.shape
    height, width = out_size(x, weight.shape, stride, dilation)
    z = np.zeros((len(x), height, width, filters))
    for n in range(len(x)):
        for i in range(height):
            for j in range(width):
                for f in range(filters):
                    z[n, i, j, f] = bias[f] if len(bias) else 0
                    for u in range(kernel_height):
                        for v in range(kernel_width):
                            for c in range(channels):
                                pixel = x[n, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1], c]
                                z[n, i, j, f] += pixel * weight[u, v, c, f]
    return z


def convolution_gradients(x, weight, grad, stride, padding, dilation):
    """The gradients with respect to x, weight and bias, where ``grad`` is that with respect to z."""
    x = pad(x, padding, 0)
    grad_x, grad_weight, grad_bias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(weight.shape[3])
    kernel_height, kernel_width, channels, filters = weight.shape
    for n in range(len(x)):
        for i in range(grad.shape[1]):
            for j in range(grad.shape[2]):
                for f in range(filters):
                    grad_bias[f] += grad[n, i, j, f]
                    for u in range(kernel_height):
                        for v in range(kernel_width):
                            for c in range(channels):
                                pixel = n, i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1], c
                                grad_x[pixel] += grad[n, i, j, f] * weight[u, v, c, f]
                                grad_weight[u, v, c, f] += grad[n, i, j, f] * x[pixel]
    return crop(grad_x, padding), grad_weight, grad_bias


def windows(x, kernel, stride, dilation):
    """Every window of every channel: the place of its output, and the places of its pixels row by row."""
    height, width = out_size(x, kernel, stride, dilation)
    for n in range(len(x)):
        for i in range(height):
            for j in range(width):
                for c in range(x.shape[3]):
                    places = [(i * stride[0] + u * dilation[0], j * stride[1] + v * dilation[1])
                              for u in range(kernel[0]) for v in range(kernel[1])]  # fmt: skip
                    yield (n, i, j, c), [(n, h, w, c) for h, w in places]


def max_pool(x, kernel, stride, padding, dilation, grad=None):
    """The largest pixel of every window and, given the gradient with respect to it, that with respect to x."""
    x = pad(x, padding, -np.inf)
    z = np.zeros((len(x), *out_size(x, kernel, stride, dilation), x.shape[3]))
    grad_x = np.zeros(x.shape)
    for out, pixels in windows(x, kernel, stride, dilation):
        z[out] = max(x[pixel] for pixel in pixels)
        winner = next(pixel for pixel in pixels if x[pixel] == z[out])
        grad_x[winner] += 0 if grad is None else grad[out]
    return z, crop(grad_x, padding)


def avg_pool(x, kernel, stride, padding, count_include_pad, grad=None):
    """The mean of every window and, given the gradient with respect to it, that with respect to x."""
    x, inside = pad(x, padding, 0), pad(np.ones(x.shape), padding, 0)
    z = np.zeros((len(x), *out_size(x, kernel, stride, (1, 1)), x.shape[3]))
    grad_x = np.zeros(x.shape)
    for out, pixels in windows(x, kernel, stride, (1, 1)):
        count = len(pixels) if count_include_pad else sum(inside[pixel] for pixel in pixels)
        z[out] = sum(x[pixel] for pixel in pixels) / count
        for pixel in pixels:
            grad_x[pixel] += 0 if grad is None else grad[out] / count
    return z, crop(grad_x, padding)
