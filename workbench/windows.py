"""Products with windows of an array: what convolutions are made of.

A window is a set of places in a sample that are multiplied by weights and summed. Where a window begins and which
places it holds are tables of indices into the flattened sample, so that stride, padding, dilation and the number of
axes are a matter of what the tables say. Layers call these in their kernels; compiled, they run as register-blocked
products that read the windows where they lie, without a copy of them ("im2col").

``parts`` (n, 4), ``windows`` (2, n_windows) and ``taps`` (2, n_taps) are the tables, int64 and C-contiguous. A part
``(i, j, s, t)`` holds windows i to j, which all have taps s to t: at the border of an image some taps are missing.
``windows`` holds where in a sample each begins and its place in the output, ``taps`` offsets from there and places in
the kernel. A window names as many neighbouring numbers per tap as there are channels. In a compiled kernel arrays whose
shapes do not fit fill ``out`` with NaN, and nothing checks that indices lie inside.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np


def window_dot(
    x: np.ndarray,
    parts: np.ndarray,
    windows: np.ndarray,
    taps: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
) -> None:
    """out[n, place, j] = bias[j] + sum over taps and channels c of x[n, start + offset + c] weight[tap, c, j].

    ``x`` (n, ...), ``weight`` (..., channels, columns) and ``out`` (n, ..., columns) are C-contiguous, ``bias`` is
    (columns,) or empty; what "..." stands for counts as one axis. Places of ``out`` that no window names stay as they
    are.
    """
    samples, kernel = x.reshape(len(x), math.prod(x.shape[1:])), weight.reshape(-1, *weight.shape[-2:])
    pixels = out.reshape(len(out), math.prod(out.shape[1:-1]), out.shape[-1])
    for starts, places, columns, kernel_places in _unpacked(parts, windows, taps, kernel.shape[1]):
        product = samples[:, starts[:, None] + columns] @ kernel[kernel_places].reshape(len(columns), kernel.shape[2])
        pixels[:, places] = product + bias if bias.size else product


def window_dot_transposed(
    x: np.ndarray, parts: np.ndarray, windows: np.ndarray, taps: np.ndarray, weight: np.ndarray, out: np.ndarray
) -> None:
    """The same by the transposed kernel: the sum of x[n, start + offset + c] weight[tap, j, c], without a bias.

    The gradient of ``window_dot`` with respect to ``x``, given that of ``out`` and the tables read the other way round.
    """
    window_dot(x, parts, windows, taps, np.ascontiguousarray(np.swapaxes(weight, -1, -2)), weight[:0], out)


def window_outer(
    x: np.ndarray, parts: np.ndarray, windows: np.ndarray, taps: np.ndarray, grad: np.ndarray, out: np.ndarray
) -> None:
    """out[tap, c, j] = sum over samples and windows of x[n, start + offset + c] grad[n, place, j].

    The gradient of ``window_dot`` with respect to its weight: ``grad`` is (n, ..., columns) and ``out`` (..., channels,
    columns), both C-contiguous. No part names a place of the kernel twice. The rest as there.
    """
    samples, kernel = x.reshape(len(x), math.prod(x.shape[1:])), out.reshape(-1, *out.shape[-2:])
    pixels = grad.reshape(len(grad), math.prod(grad.shape[1:-1]), grad.shape[-1])
    kernel[:] = 0
    for starts, places, columns, kernel_places in _unpacked(parts, windows, taps, kernel.shape[1]):
        product = np.tensordot(samples[:, starts[:, None] + columns], pixels[:, places], axes=((0, 1), (0, 1)))
        kernel[kernel_places] += product.reshape(len(kernel_places), *kernel.shape[1:])


def _unpacked(
    parts: np.ndarray, windows: np.ndarray, taps: np.ndarray, channels: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each part where windows begin, their places, the columns they name and the places of taps in the kernel."""
    for i, j, s, t in parts:
        offsets, kernel_places = taps[:, s:t]
        yield *windows[:, i:j], (offsets[:, None] + np.arange(channels)).ravel(), kernel_places
