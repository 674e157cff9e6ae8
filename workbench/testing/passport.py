"""The numerical passport of an activation: how exact it is for all numbers, where it saturates, where it overflows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import mpmath
import numpy as np

from workbench.specs import Activation
from workbench.testing.instruments.kernels import run
from workbench.testing.instruments.operations import backward_operation, forward_operation
from workbench.testing.instruments.reference import NoReference, reference
from workbench.testing.instruments.search import first, magnitudes
from workbench.testing.instruments.settings import settings_of

SMALL = 16  # ulp; what lies above is put down to the rounding of the input where that explains it
ENOUGH = 100  # of those, where there are more
ROUNDINGS = 8  # of the input, that may explain an error
BAD = 100  # ulp: digits were lost
ROUNDED = 1e-3  # ulp; less is the reference's own rounding
KINK = 1e-6  # relative difference of the slopes on either side
_DIFFERENCE = 25  # decimal digits in which z and z + h differ

Function = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Accuracy:
    """The largest error found, in units in the last place of the true result, and the input that shows it.

    ``bad`` is the input nearest to zero, of those tried, with an error above 100 ulp.
    """

    ulps: float
    at: float
    bad: float | None = None

    def __str__(self) -> str:
        ulps = f"{self.ulps:.1f}" if self.ulps < BAD else f"{self.ulps:.3g}"
        return f"{ulps} ulp (z = {self.at:.6g})" if self.ulps else "0 ulp"


@dataclass(frozen=True)
class Side:
    """The first inputs, from zero outwards, from which on f' is 0 and f constant, and at which either is not finite.

    None where there is no such input.
    """

    flat: float | None
    constant: float | None
    overflow: float | None


@dataclass(frozen=True)
class Passport:
    """What ``passport`` found; ``str`` of it are a few lines, ``line`` is one."""

    dtype: str
    value: Accuracy
    derivative: Accuracy
    below: Side
    above: Side

    @property
    def line(self) -> str:
        return "; ".join(str(self).splitlines())

    def __str__(self) -> str:
        return "\n".join(
            [
                f"{self.dtype}: f within {self.value}, f' within {self.derivative}",
                f"f' = 0 from {_both(self.below.flat, self.above.flat)} on",
                f"f constant from {_both(self.below.constant, self.above.constant)} on",
                f"not finite at {_both(self.below.overflow, self.above.overflow)}",
            ]
        ).replace("from nowhere on", "nowhere")


def passport(plugin: Activation, dtype: str = "float32") -> Passport:
    """Measure an elementwise activation, options at their defaults, on 2200 numbers of both signs and every size.

    The value is compared with the author's own function in many digits, the derivative with differences of that. Not
    counted are results below the normal range, kinks, and errors above 16 ulp that eight roundings of the input would
    explain: around a zero, such as that of GELU's derivative, no formula does better. Raises ``NoReference`` for a
    function that mpmath cannot compute, ``PluginError`` for one that Numba cannot compile.
    """
    options = settings_of(plugin)[0].values
    function = reference(plugin.function)
    truth = _Truth(lambda x: function(x, *options), dtype)
    value, derivative = compiled(plugin, dtype, options)
    z = inputs(dtype)
    true = truth.at(z)
    if np.isfinite(true.value).mean() < 0.5:
        raise NoReference("in many digits it has no value at most numbers.")
    return Passport(
        dtype,
        _worst(z, value(z), true.value, true.value_rest, lambda z: truth.at(z).value),
        _worst(z, derivative(z), true.derivative, true.derivative_rest, lambda z: truth.at(z).derivative),
        *(_side(value, derivative, dtype, sign) for sign in (-1, 1)),
    )


def compiled(plugin: Activation, dtype: str, options: tuple[float, ...]) -> tuple[Function, Function]:
    """f and f' over arrays, as the network compiles them."""

    def value(z: np.ndarray) -> np.ndarray:
        return run(forward_operation(plugin, z, options), dtype, compiled=True, rows=len(z))[0]["output"]

    def derivative(z: np.ndarray) -> np.ndarray:
        operation = backward_operation(plugin, z, value(z), np.ones_like(z), options)
        return run(operation, dtype, compiled=True, rows=len(z))[0]["grad_x"]

    return value, derivative


def inputs(dtype: str) -> np.ndarray:
    """Zero, every order of magnitude, and more where activations bend and die away; the smallest first."""
    limits, rng = np.finfo(dtype), np.random.default_rng(0)
    sizes = [
        np.geomspace(float(limits.smallest_subnormal), 0.999 * float(limits.max), 550),
        rng.uniform(0, 20, 350),
        rng.uniform(20, 1.2 * np.log(float(limits.max)), 100),
    ]
    positive = np.unique(np.concatenate(sizes).astype(dtype))
    return np.concatenate([np.zeros(1, dtype), np.stack([positive, -positive], axis=1).reshape(-1)])


class _Exact(NamedTuple):
    """Float64 arrays, each with what its rounding left; NaN where there is no value, or two slopes."""

    value: np.ndarray
    value_rest: np.ndarray
    derivative: np.ndarray
    derivative_rest: np.ndarray


class _Truth:
    """A function and its derivative, computed in many digits."""

    def __init__(self, function: Callable, dtype: str) -> None:
        # A difference over h = z / 10^25 loses the digits by which z or the slope is small.
        self._digits = 50 + int(np.log10(float(np.finfo(dtype).max)))
        self._function = function

    def at(self, z: np.ndarray) -> _Exact:
        with mpmath.workdps(self._digits):
            return _Exact(*np.array([self._at(mpmath.mpf(x)) for x in z.tolist()]).T)

    def _at(self, x: Any) -> tuple[float, float, float, float]:
        tiny = mpmath.mpf(10) ** -_DIFFERENCE
        h = abs(x) * tiny if x else tiny ** (self._digits // _DIFFERENCE - 1)
        before, here, after = (self._of(x + k * h) for k in (-1, 0, 1))
        left, right = (here - before) / h, (after - here) / h
        kink = abs(left - right) > KINK * max(abs(left), abs(right))
        return *_halves(here), *_halves(mpmath.nan if kink else (left + right) / 2)

    def _of(self, x: Any) -> Any:
        try:
            found = self._function(x)
        except (ArithmeticError, ValueError, TypeError):  # a pole; a number that has become complex
            return mpmath.nan
        return mpmath.nan if isinstance(found, mpmath.mpc) else mpmath.mpf(found)


def _halves(x: Any) -> tuple[float, float]:
    high = float(x)
    return high, float(x - high) if np.isfinite(high) else 0.0


def _worst(
    z: np.ndarray, found: np.ndarray, true: np.ndarray, rest: np.ndarray, truth: Callable[[np.ndarray], np.ndarray]
) -> Accuracy:
    limits = np.finfo(found.dtype)
    with np.errstate(all="ignore"):
        size = np.abs(true)
        normal = np.isfinite(found) & (size <= limits.max) & ((size >= limits.smallest_normal) | (true == 0))
        # the spacing of the largest numbers overflows; that of zero is of the least normal number
        units = np.spacing(np.clip(size, limits.smallest_normal, 0.75 * float(limits.max)).astype(found.dtype))
        errors = np.abs((found - true) - rest)
        ulps = np.where(normal, errors / units, 0)
    large = np.flatnonzero(ulps > SMALL)
    looked_into = large[:: -(-len(large) // ENOUGH) or 1]
    ulps[np.setdiff1d(large, looked_into)] = 0
    for at in looked_into:
        around = np.array([np.nextafter(z[at], z.dtype.type(to)) for to in (-np.inf, np.inf)])
        moved = np.abs(truth(around) - true[at])  # by rounding the input
        if errors[at] <= ROUNDINGS * np.nanmax(moved, initial=0):
            ulps[at] = 0
    worst = int(ulps.argmax())
    bad = np.flatnonzero(ulps > BAD)
    if ulps[worst] <= ROUNDED:
        return Accuracy(0.0, 0.0)
    return Accuracy(float(ulps[worst]), float(z[worst]), float(z[bad[0]]) if bad.size else None)


def _side(value: Function, derivative: Function, dtype: str, sign: int) -> Side:
    largest, ladder = float(np.finfo(dtype).max), magnitudes(dtype)
    end = value(np.full(1, sign * largest, dtype))[0]
    flat = first(lambda z: derivative(z) == 0, ladder, sign, lasting=True)
    constant = first(lambda z: value(z) == end, ladder, sign, lasting=True)
    overflow = first(lambda z: ~(np.isfinite(value(z)) & np.isfinite(derivative(z))), ladder, sign)
    # the last numbers of all may well be alike when rounded, or overflow alike
    return Side(*(None if x is None or abs(x) > limit else float(x) for x, limit in
                  ((flat, np.inf), (constant, largest / 4), (overflow, np.inf))))  # fmt: skip


def _both(below: float | None, above: float | None) -> str:
    return " and ".join(f"z = {x:.6g}" for x in (below, above) if x is not None) or "nowhere"
