"""Finite differences that notice kinks: what the derivative of a function may be at a point."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 2.0**-17  # of the size of x: truncation and rounding cost differences of fourth order 1e-11 at most
KINK = 1e-3  # slopes from either side that differ by more, relative to the larger, make a kink
ROUNDINGS = 32  # of the values the differences are taken of, or of a 1 on the way to them


@dataclass(frozen=True)
class Slope:
    """Numbers or arrays: the derivative lies between ``low`` and ``high``, one number but at a kink, give or take."""

    low: Any
    high: Any
    slack: Any
    kink: Any

    def refuses(self, derivative: Any) -> Any:
        """Where a derivative is not what it should be. Where the function has no finite value anything will do."""
        with np.errstate(invalid="ignore"):
            outside = (derivative < self.low - self.slack) | (derivative > self.high + self.slack)
        return outside | (np.isnan(derivative) & np.isfinite(self.low))

    def off(self, derivative: Any) -> float:
        """How far."""
        return max(self.low - derivative, derivative - self.high) if np.isfinite(derivative) else np.inf

    def of(self, component: int) -> Slope:
        return Slope(self.low[component], self.high[component], self.slack[component], self.kink[component])

    def times(self, weights: np.ndarray) -> Slope:
        """That of the sum of a function's components, each times its weight."""
        ends = np.sort([weights * self.low, weights * self.high], axis=0)
        slack = np.sum(np.abs(weights) * self.slack)
        return Slope(ends[0].sum(), ends[1].sum(), slack + 1e-15 * np.abs(ends).sum(), np.any(self.kink))


def slope(function: Callable[[float], Any], x: float) -> Slope:
    """The slope at ``x`` of ``function``, which gives a number or an array of them, in float64."""
    h = STEP * 2.0 ** max(0, math.frexp(x)[1])
    before, just_before, here, just_after, after = (
        np.array(function(np.float64(x + k * h)), dtype=np.float64) for k in (-2, -1, 0, 1, 2)
    )
    with np.errstate(all="ignore"):
        left = (3 * here - 4 * just_before + before) / (2 * h)
        right = (-3 * here + 4 * just_after - after) / (2 * h)
        near, far = (just_after - just_before) / (2 * h), (after - before) / (4 * h)
        steepest = np.maximum(np.abs(left), np.abs(right))
        largest = np.max(np.abs([before, just_before, here, just_after, after]), axis=0, initial=1)
        slack = 1e-9 * steepest + ROUNDINGS * np.finfo(float).eps * (largest + abs(x) * steepest) / h
        kink = np.abs(left - right) > KINK * steepest + 4 * slack
        best = (4 * near - far) / 3
        low = np.where(kink, np.minimum(left, right), best)
        high = np.where(kink, np.maximum(left, right), best)
        return Slope(low, high, np.where(kink, slack, slack + 4 * np.abs(near - far)), kink)


def jump(function: Callable[[float], float], derivative: Callable[[float], float], x: np.ndarray) -> int | None:
    """The first i for which the function rises between x[i] and x[i + 1] by more, or less, than its derivative tells.

    ``x`` are equally spaced; where the derivative itself changes between neighbours, its changes are allowed for.
    """
    values, slopes = (np.array([f(number) for number in x], np.float64) for f in (function, derivative))
    step = x[1] - x[0]
    with np.errstate(all="ignore"):
        rise, told = np.diff(values), step * (slopes[:-1] + slopes[1:]) / 2
        change = np.abs(np.diff(slopes))
        around = change + np.append(0, change[:-1]) + np.append(change[1:], 0)
        rounding = 1e-12 * np.nanmax(np.abs(values)) + 1e-3 * step * np.abs(slopes[:-1])
        odd = np.abs(rise - told) > step * around + rounding
    return int(odd.argmax()) if odd.any() else None
