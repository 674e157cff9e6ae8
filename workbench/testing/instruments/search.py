"""The first number, counted from zero outwards, at which something happens to a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Happens = Callable[[np.ndarray], np.ndarray]  # which of these numbers it happens to
_PARTS = 64  # an interval is divided into at a time


def magnitudes(dtype: Any) -> np.ndarray:
    """Zero and two numbers of every binade from the least subnormal to the largest."""
    limits = np.finfo(dtype)
    powers = np.ldexp(1.0, np.arange(np.frexp(float(limits.smallest_subnormal))[1] - 1, limits.maxexp))
    both = np.stack([powers, np.minimum(1.5 * powers, float(limits.max))], axis=1).reshape(-1).astype(dtype)
    return np.unique(np.concatenate([np.zeros(1, dtype), both, np.full(1, limits.max, dtype)]))


def first(happens: Happens, ladder: np.ndarray, sign: int, lasting: bool = False) -> Any:
    """The number nearest to zero, of this sign, at which it happens, or None.

    ``ladder`` are the magnitudes tried first, rising; between two of them it is taken to begin once. ``lasting``: from
    which on it happens to every number further out.
    """
    there = happens(ladder * ladder.dtype.type(sign))
    if lasting:
        there = np.logical_and.accumulate(there[::-1])[::-1]
    if not there.any():
        return None
    at = int(there.argmax())
    if at == 0:
        return ladder[0]
    bits = np.dtype(f"int{8 * ladder.dtype.itemsize}")  # whose order is that of the positive numbers
    low, high = int(ladder[at - 1].view(bits)), int(ladder[at].view(bits))
    while high - low > 1:
        between = np.unique(low + (np.arange(1, _PARTS) * (high - low)) // _PARTS)
        between = between[between > low].astype(bits)
        found = happens(between.view(ladder.dtype) * ladder.dtype.type(sign))
        if found.any():
            high = int(between[found.argmax()])
            between = between[: found.argmax()]
        if len(between):
            low = int(between[-1])
    return np.array(high, bits).view(ladder.dtype)[()] * ladder.dtype.type(sign)


def inwards(x: Any) -> Any:
    """The next number towards zero."""
    return np.nextafter(x, x.dtype.type(0))


def shortest(x: Any, happens: Happens) -> str:
    """A number at which it happens too, of the fewest digits that will do."""
    for digits in range(1, 18):
        text = f"{x:.{digits}g}"
        near = np.array([float(text)]).astype(x.dtype)
        if abs(near[0]) >= abs(x) and happens(near)[0]:
            return number(float(text))
    return number(x)


def number(x: Any) -> str:
    """As a message shows it: as many digits as its precision needs, no more."""
    return str(x).removesuffix(".0")
