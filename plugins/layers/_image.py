"""Where windows lie on an image: what the layers that slide one over it share."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge

from workbench.errors import ConfigError

Positive = Annotated[int, Ge(1)]
Size = Positive | tuple[Positive, Positive]  # one number for both axes, or (height, width)
Padding = Literal["valid", "same"] | Annotated[int, Ge(0)] | tuple[Annotated[int, Ge(0)], Annotated[int, Ge(0)]]


@dataclass(frozen=True)
class Axis:
    """One axis of ``size`` pixels and the windows along it.

    Tap t of window o lies on pixel o stride + t dilation - before, or on nothing where that is none.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    windows: int

    def pixel(self, window: int, tap: int) -> int:
        return window * self.stride + tap * self.dilation - self.before


def axes(
    layer: str, input_shape: tuple[int, ...], kernel_size: Size, stride: Size, padding: Padding, dilation: Size = 1
) -> tuple[Axis, Axis]:
    """Both axes of images of ``input_shape`` (height, width, channels).

    ``padding`` adds so many pixels of nothing on every side; ``valid`` none; ``same`` as many as give ceil(size /
    stride) windows, an odd one behind (TensorFlow's rule, and PyTorch's for stride 1). ``ConfigError`` for what is no
    image, and for a kernel that does not fit.
    """
    if len(input_shape) != 3:
        raise ConfigError(
            f"layer {layer!r} needs images of shape (height, width, channels), not samples of shape {input_shape}: "
            "put a reshape layer before it, or take images from the data set (digits: dataset.flat=false)."
        )
    found = []
    for axis, (name, size) in enumerate(zip(("height", "width"), input_shape, strict=False)):
        kernel, step, spread = (both(value)[axis] for value in (kernel_size, stride, dilation))
        reach = (kernel - 1) * spread + 1  # pixels from a window's first tap to its last
        if padding == "same":
            windows = -(-size // step)
            added = max(0, (windows - 1) * step + reach - size)
            before = added // 2
        else:
            before = 0 if padding == "valid" else both(padding)[axis]
            added = 2 * before
            windows = (size + added - reach) // step + 1
        if size + added < reach:
            covers = f"{kernel}" if spread == 1 else f"{kernel} (dilation {spread}: {reach} pixels)"
            around = f" and {before} of padding on either side" if before else ""
            raise ConfigError(
                f"layer {layer!r}: a kernel of {name} {covers} does not fit into images of shape {input_shape}, "
                f"{name} {size}{around}: take a smaller kernel_size, or padding='same'."
            )
        found.append(Axis(size, kernel, step, spread, before, windows))
    return found[0], found[1]


def both(value):
    """(height, width) of an option that may be one number for both."""
    return value if isinstance(value, tuple) else (value, value)


@dataclass(frozen=True)
class Part:
    """Places along one axis whose windows have the same taps: place ``places[i]`` meets tap ``taps[t]`` at
    ``starts[i] + offsets[t]`` of the axis it reads."""

    places: np.ndarray
    starts: np.ndarray
    taps: np.ndarray
    offsets: np.ndarray


def windows_of(axis: Axis) -> list[Part]:
    """The windows, by which of their taps lie on a pixel: at the borders some do not."""
    meets = {
        (window, tap): axis.pixel(window, tap)
        for window in range(axis.windows)
        for tap in range(axis.kernel)
        if 0 <= axis.pixel(window, tap) < axis.size
    }
    return _parts(axis.windows, axis.kernel, meets)


def pixels_of(axis: Axis) -> list[Part]:
    """The pixels, by which taps of any window lie on them: the same table read the other way round."""
    meets = {
        (axis.pixel(window, tap), tap): window
        for window in range(axis.windows)
        for tap in range(axis.kernel)
        if 0 <= axis.pixel(window, tap) < axis.size
    }
    return _parts(axis.size, axis.kernel, meets)


def _parts(places: int, kernel: int, meets: dict[tuple[int, int], int]) -> list[Part]:
    by_taps: dict[tuple[int, ...], list[int]] = {}
    for place in range(places):
        by_taps.setdefault(tuple(t for t in range(kernel) if (place, t) in meets), []).append(place)
    parts = []
    for taps, members in by_taps.items():
        starts = [meets[place, taps[0]] if taps else 0 for place in members]
        offsets = [meets[members[0], tap] - starts[0] for tap in taps]
        parts.append(Part(*(np.array(each, dtype=np.int64) for each in (members, starts, taps, offsets))))
    return parts


def tables(rows: list[Part], columns: list[Part], width: int, kernel_width: int, read_width: int, channels: int):
    """Two axes' parts combined, as the tables ``workbench.windows`` takes: ``parts``, ``windows`` and ``taps``.

    Places count along ``width``, kernel places along ``kernel_width``, what is read along ``read_width`` and
    ``channels``.
    """
    parts, windows, taps = [], [], []
    window, tap = 0, 0
    for down in rows:
        for across in columns:
            starts = _grid(down.starts * read_width, across.starts) * channels
            offsets = _grid(down.offsets * read_width, across.offsets) * channels
            windows.append(np.stack([starts, _grid(down.places * width, across.places)]))
            taps.append(np.stack([offsets, _grid(down.taps * kernel_width, across.taps)]))
            parts.append((window, window + starts.size, tap, tap + offsets.size))
            window, tap = window + starts.size, tap + offsets.size
    return {
        "parts": np.array(parts, dtype=np.int64),
        "windows": np.ascontiguousarray(np.concatenate(windows, axis=1)),
        "taps": np.ascontiguousarray(np.concatenate(taps, axis=1)),
    }


def _grid(down: np.ndarray, across: np.ndarray) -> np.ndarray:
    return np.add.outer(down, across).ravel()
