"""Products with windows of an array: what convolutions are made of.

A window is a set of places in a sample that are multiplied by weights and summed. Where a window begins and which
places it holds are tables of indices into the flattened sample, so that stride, padding, dilation and the number of
axes are a matter of what the tables say. Layers call these in their kernels; compiled, they run as register-blocked
products that read the windows where they lie, without a copy of them ("im2col").
"""

from __future__ import annotations

import numpy as np


def window_dot(
    x: np.ndarray,
    starts: np.ndarray,
    taps: np.ndarray,
    weight: np.ndarray,
    picked: np.ndarray,
    bias: np.ndarray,
    out: np.ndarray,
    places: np.ndarray,
) -> None:
    """out[n, places[i], j] = bias[j] + sum over t, c of x[n, starts[i] + taps[t] + c] weight[picked[t], c, j].

    ``x`` (n, size), ``weight`` (kernel places, channels, columns) of any strides, ``bias`` (columns,) or empty,
    ``out`` (n, places, columns), x and out C-contiguous; ``starts`` and ``places`` (windows,), ``taps`` and ``picked``
    (taps,) int64. Other places of ``out`` stay as they are. Nothing checks that indices lie inside.
    """
    columns = (taps[:, None] + np.arange(weight.shape[1])).ravel()
    windows = x[:, starts[:, None] + columns]
    product = windows @ weight[picked].reshape(len(columns), weight.shape[2])
    out[:, places] = product + bias if bias.size else product


def window_outer(
    x: np.ndarray,
    starts: np.ndarray,
    taps: np.ndarray,
    grad: np.ndarray,
    places: np.ndarray,
    out: np.ndarray,
    picked: np.ndarray,
) -> None:
    """out[picked[t], c, j] += sum over n, i of x[n, starts[i] + taps[t] + c] grad[n, places[i], j].

    The gradient of ``window_dot`` with respect to its weight: ``grad`` is (n, places, columns) and ``out`` (kernel
    places, channels, columns), both C-contiguous; ``picked`` names no place twice. The rest as there.
    """
    channels, columns = out.shape[1:]
    windows = x[:, starts[:, None] + (taps[:, None] + np.arange(channels)).ravel()]
    product = np.tensordot(windows, grad[:, places], axes=((0, 1), (0, 1)))
    out[picked] += product.reshape(len(taps), channels, columns)
