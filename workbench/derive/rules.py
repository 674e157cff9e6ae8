"""The table of derivatives, and the functions that derived code calls.

Everything is stated for an argument ``u`` (and ``v``) with tangent ``du`` (and ``dv``), the value being ``y``. Slopes
are those from the left: the value moves against its tangent, so that of two equal numbers the one with the smaller
tangent is the larger just before.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def d_abs(u: Any, du: Any) -> Any:
    """|u| falls towards zero, from whichever side."""
    if u > 0:
        return du
    return -du if u < 0 else -abs(du)


def d_max(u: Any, du: Any, v: Any, dv: Any) -> Any:
    return du if u > v or (u == v and du < dv) else dv


def d_min(u: Any, du: Any, v: Any, dv: Any) -> Any:
    return du if u < v or (u == v and du > dv) else dv


def d_quotient(u: Any, du: Any, v: Any, dv: Any) -> Any:
    """Of u / v where v may overflow: then u / v is 0 and stays there, while the formula says inf / inf."""
    overflowed = abs(v) == math.inf or abs(dv) == math.inf
    return 0.0 if overflowed else (du - u / v * dv) / v


def chain(slope: Any, du: Any) -> Any:
    """slope * du where du may overflow: what has flattened out stays flat, while the formula says 0 * inf."""
    return 0.0 if slope == 0 else slope * du


# Where these are infinitely steep their argument often stands still, as in sqrt(max(z, 0)): 0, not 0 * inf.


def d_sqrt(u: Any, du: Any) -> Any:
    return 0.0 if du == 0 else 0.5 / math.sqrt(u) * du


def d_cbrt(u: Any, du: Any) -> Any:
    return 0.0 if du == 0 else du / (3 * np.cbrt(u) ** 2)


def d_asin(u: Any, du: Any) -> Any:
    return 0.0 if du == 0 else du / math.sqrt((1 - u) * (1 + u))


def d_acos(u: Any, du: Any) -> Any:
    return 0.0 if du == 0 else -du / math.sqrt((1 - u) * (1 + u))


def d_acosh(u: Any, du: Any) -> Any:
    return 0.0 if du == 0 else du / math.sqrt((u - 1) * (u + 1))


def d_power(u: Any, du: Any, p: Any) -> Any:
    """Of u ** p, p fixed."""
    return 0.0 if du == 0 else p * u ** (p - 1) * du


def d_powers(u: Any, du: Any, v: Any, dv: Any) -> Any:
    """Of u ** v for u >= 0, both moving."""
    base = 0.0 if du == 0 else v * u ** (v - 1) * du
    exponent = 0.0 if u == 0 else u**v * math.log(u) * dv
    return base + exponent


def d_hypot(u: Any, du: Any, v: Any, dv: Any) -> Any:
    y = math.hypot(u, v)
    return -math.hypot(du, dv) if y == 0 else u / y * du + v / y * dv


def slope_of_tanh(u: Any) -> Any:
    """1 - tanh(u)^2 without the cancellation: 4 e / (1 + e)^2 with e = exp(-2 |u|)."""
    e = math.exp(-2 * abs(u))
    return 4 * e / (1 + e * (2 + e))


_SLOPES = {
    "acos": "-1 / math.sqrt((1 - u) * (1 + u))",
    "acosh": "1 / math.sqrt((u - 1) * (u + 1))",
    "asin": "1 / math.sqrt((1 - u) * (1 + u))",
    "asinh": "1 / math.sqrt(1 + u * u)",
    "atan": "1 / (1 + u * u)",
    "atanh": "1 / ((1 - u) * (1 + u))",
    "cbrt": "1 / (3 * y ** 2)",
    "cos": "-math.sin(u)",
    "cosh": "math.sinh(u)",
    "erf": "1.1283791670955126 * math.exp(-u * u)",
    "erfc": "-1.1283791670955126 * math.exp(-u * u)",
    "exp": "y",
    "exp2": "0.6931471805599453 * y",
    "expm1": "math.exp(u)",
    "log": "1 / u",
    "log10": "0.4342944819032518 / u",
    "log1p": "1 / (1 + u)",
    "log2": "1.4426950408889634 / u",
    "sin": "math.cos(u)",
    "sinh": "math.cosh(u)",
    "sqrt": "0.5 / y",
    "square": "2 * u",
    "tan": "1 + y * y",
    "tanh": "slope_of_tanh(u)",
    "float": "1", "float32": "1", "float64": "1", "positive": "1",
}  # fmt: skip
_SLOPES_OF_TWO = {
    "atan2": ("v / (u * u + v * v)", "-u / (u * u + v * v)"),
    "logaddexp": ("math.exp(u - y)", "math.exp(v - y)"),
}
_STEEP = {
    "acos": (d_acos, math.inf), "acosh": (d_acosh, 1.0), "asin": (d_asin, math.inf),
    "cbrt": (d_cbrt, 0.0), "sqrt": (d_sqrt, 0.0),
}  # fmt: skip
_STEPS = ("floor", "ceil", "rint", "round", "trunc", "isnan", "isinf", "isfinite", "signbit")
_GROWING = ("exp", "exp2", "expm1")
_GROWING_BOTH_WAYS = ("cosh", "sinh")
_WAVES = ("cos", "erf", "sin", "tanh")


def _called(*names: str) -> Iterator[tuple[Callable, str]]:
    """The functions of Python, ``math`` and ``numpy`` that have these names."""
    for name in names:
        for module in (builtins, math, np):
            if hasattr(module, name):
                yield getattr(module, name), name


SLOPES: dict[Any, tuple[str, ...]] = {
    **{function: (_SLOPES[name],) for function, name in _called(*_SLOPES)},
    **{function: _SLOPES_OF_TWO[name] for function, name in _called(*_SLOPES_OF_TWO)},
}
# Where the slope can be infinite, and above which argument it is not.
STEEP: dict[Any, tuple[Callable, float]] = {function: _STEEP[name] for function, name in _called(*_STEEP)}
STEPS = frozenset(function for function, _ in _called(*_STEPS))  # flat, but for jumps
GROWING = frozenset(function for function, _ in _called(*_GROWING))  # faster than any power, to the right
GROWING_BOTH_WAYS = frozenset(function for function, _ in _called(*_GROWING_BOTH_WAYS))

WAVES = frozenset(function for function, _ in _called(*_WAVES))  # between -1 and 1
EXP = frozenset((math.exp, np.exp))
ABS = frozenset((abs, math.fabs, np.abs, np.fabs))
MAX = frozenset((max, np.maximum, np.fmax))
MIN = frozenset((min, np.minimum, np.fmin))
HYPOT = frozenset((math.hypot, np.hypot))
POW = frozenset((pow, math.pow, np.power))
LOG = frozenset((math.log, math.log1p, math.log2, math.log10, np.log, np.log1p, np.log2, np.log10))
CHEAP = ABS | MAX | MIN | {float, d_abs, d_max, d_min, chain}

# What decides at a point, written as the decision that it is.
DECISIONS: dict[Any, str] = {
    np.sign: "1.0 if u > 0 else -1.0 if u < 0 else 0.0",
    np.where: "v if u else w",
    math.copysign: "abs(u) * (1.0 if v >= 0 else -1.0)",
    np.copysign: "abs(u) * (1.0 if v >= 0 else -1.0)",
}
