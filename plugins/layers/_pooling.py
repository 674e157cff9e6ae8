"""What pooling layers share: the windows on an image, each clipped to the pixels it covers."""

from typing import Any

import numpy as np

from workbench.errors import ConfigError
from workbench.plugins.layers import _image


def clipped_windows(
    layer: str,
    input_shape: tuple[int, ...],
    kernel_size: _image.Size,
    stride: _image.Size | None,
    padding: _image.Padding,
    dilation: _image.Size = 1,
) -> tuple[tuple[int, int, int], dict[str, Any]]:
    """The output's shape, and the tables ``rows`` and ``columns``: first pixel and end of every window along an axis.

    A window holds every ``dilation``-th pixel between them. ``stride=None`` takes ``kernel_size``. ``ConfigError`` for
    what is no image, a kernel that does not fit, and a window that covers padding alone.
    """
    step = kernel_size if stride is None else stride
    down, across = _image.axes(layer, input_shape, kernel_size, step, padding, dilation)
    tables = {}
    for table, side, axis in (("rows", "height", down), ("columns", "width", across)):
        first = np.arange(axis.windows) * axis.stride - axis.before
        end = np.minimum(first + (axis.kernel - 1) * axis.dilation + 1, axis.size)
        start = first + -(-np.maximum(-first, 0) // axis.dilation) * axis.dilation
        if (start >= end).any():
            raise ConfigError(
                f"layer {layer!r}: with padding {padding}, {side} {axis.size} and a kernel of {side} {axis.kernel}, "
                "some windows would cover nothing but padding: pad at most half a kernel, or take padding='valid'."
            )
        tables[table] = np.stack([start, end], axis=1).astype(np.int64)
    return (down.windows, across.windows, input_shape[2]), tables
