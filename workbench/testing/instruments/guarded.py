"""Arrays that tell when somebody wrote beside them: each lies between two guard zones filled with a known pattern.

The pattern is a NaN, so that what is read from beside an array shows in the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

GUARD = 4096  # bytes on either side; a write further off meets other memory, and ends the process if there is none
_BITS: dict[int, Any] = {4: np.uint32(0xFFA5A5A5), 8: np.uint64(0xFFF5A5A5A5A5A5A5)}


@dataclass(frozen=True)
class _Zone:
    name: str
    memory: np.ndarray  # uint8
    array: np.ndarray
    given: np.ndarray  # what it held when it was handed out


@dataclass
class Guarded:
    """Makes such arrays, and afterwards says which were written beside, or changed."""

    zones: dict[str, _Zone] = field(default_factory=dict)

    def array(self, name: str, content: np.ndarray) -> np.ndarray:
        """A C-contiguous copy of ``content`` between guards, on a cache line. ``name`` is how messages call it."""
        size = content.nbytes
        memory = np.empty(size + 2 * GUARD + 64, dtype=np.uint8)
        shift = -memory.ctypes.data % 64
        memory = memory[shift : shift + size + 2 * GUARD]
        bits = _BITS[content.dtype.itemsize]
        whole = len(memory) // bits.itemsize * bits.itemsize
        memory[:whole].view(bits.dtype)[:] = bits
        array = memory[GUARD : GUARD + size].view(content.dtype).reshape(content.shape)
        array[...] = content
        self.zones[name] = _Zone(name, memory, array, array.copy())
        return array

    def unwritten(self, name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """An array for a kernel to fill, holding the pattern; ``left_unwritten`` finds what still does."""
        content = np.empty(shape, dtype)
        bits = _BITS[content.dtype.itemsize]
        content.reshape(-1).view(bits.dtype)[:] = bits
        return self.array(name, content)

    def written_beside(self) -> str | None:
        """The first write outside an array, in words."""
        for zone in self.zones.values():
            size = zone.array.dtype.itemsize
            before = zone.memory[:GUARD].view(_BITS[size].dtype) != _BITS[size]
            rest = zone.memory[GUARD + zone.array.nbytes :]
            after = rest[: len(rest) // size * size].view(_BITS[size].dtype) != _BITS[size]
            shape = f"{zone.name}, which is {zone.array.shape}"
            if after.any():
                return f"it writes outside its arrays: {_count(after.argmax() + 1)} past the end of {shape}"
            if before.any():
                off = len(before) - np.flatnonzero(before)[-1]
                return f"it writes outside its arrays: {_count(off)} before the start of {shape}"
        return None

    def changed(self, name: str) -> tuple[int, ...] | None:
        """The first index at which the array is no longer what was handed out; NaN is equal to itself."""
        zone = self.zones[name]
        return _first(_raw(zone.array) != _raw(zone.given), zone.array.shape)

    def left_unwritten(self, name: str) -> tuple[int, ...] | None:
        """The first index that still holds the pattern."""
        array = self.zones[name].array
        return _first(_raw(array) == _BITS[array.dtype.itemsize], array.shape)


def _raw(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1).view(_BITS[array.dtype.itemsize].dtype)


def _first(marked: np.ndarray, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    if not marked.any() or not math.prod(shape):
        return None
    return tuple(int(i) for i in np.unravel_index(int(marked.argmax()), shape))


def _count(n: int) -> str:
    return f"{n} place{'s' if n > 1 else ''}"
