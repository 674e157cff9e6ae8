"""Where a function of one number stops being finite, from zero outwards, and whether it has reason to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.testing.checks import raised
from workbench.testing.instruments.calls import mentions
from workbench.testing.instruments.search import first, inwards, shortest

# How rows become extreme: s times the first, and the second added.
DIRECTIONS = [([1, 0, 0], [0, 0, 0]), ([1, 1, 1], [0, 1, 2]), ([-1, -1, -1], [0, 1, 2]), ([1, -1, 0], [0, 0, 0])]
ORDINARY = np.concatenate([[0.0], 2.0 ** np.arange(-20, 61)])  # magnitudes whose squares are float32 still
GROWING = ("exp", "expm1", "exp2", "cosh", "sinh")


@dataclass(frozen=True)
class Break:
    """``at`` is a number from which on the function is not finite, of few digits, and ``what`` it is there, in words.

    ``outgrown``: just before, it came near the largest number there is. ``late``: so does the square of ``at``.
    """

    at: Any
    what: str
    outgrown: bool
    late: bool


class Sizes:
    """Absolute values of a function over an array, one number at a time as plain Python; NaN where it raises.

    Of a function that gives several numbers the largest counts. ``error`` is the last exception.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self._function = function
        self.error: Exception | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return np.array([self._size(number) for number in x])

    def _size(self, x: Any) -> float:
        try:
            return float(np.max(np.abs(np.asarray(self._function(x), np.float64))))
        except Exception as error:  # of a stranger's function; what it cannot compute it must not be asked
            self.error = error
            return np.nan


def first_break(sizes: Callable[[np.ndarray], np.ndarray], ladder: np.ndarray, sign: int) -> Break | None:
    """The first number of this sign at which ``sizes`` are not finite, looked for on a ``ladder`` of magnitudes."""

    def breaks(x: np.ndarray) -> np.ndarray:
        return ~np.isfinite(sizes(x))

    x = first(breaks, ladder, sign)
    if x is None:
        return None
    largest = float(np.finfo(ladder.dtype).max)
    before = sizes(np.array([inwards(x)]))[0] if x else 0.0
    at = np.array([float(shortest(x, breaks))], ladder.dtype)
    size = sizes(at)[0]
    error = sizes.error if isinstance(sizes, Sizes) and np.isnan(size) else None
    what = f"raises {raised(error)}" if error else f"is {'nan' if np.isnan(size) else 'infinite'}"
    grown = before >= largest / 4 and (np.isinf(size) or isinstance(error, OverflowError))
    return Break(at[0], what, bool(grown), abs(float(x)) >= np.sqrt(largest) / 4)


def hint(*functions: Callable | None) -> str:
    """Advice for functions that take exponentials."""
    if any(mentions(function, *GROWING) for function in functions):
        return " math.exp(-abs(z)) cannot overflow: write both sides of zero with it."
    return ""
