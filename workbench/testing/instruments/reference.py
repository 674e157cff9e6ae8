"""A plugin's own function of a number in many digits: what it names is replaced by mpmath's versions of the same."""

from __future__ import annotations

import math
import types
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from workbench.errors import PluginError
from workbench.jit.fingerprint import names_in
from workbench.jit.retarget import rescoped

_NOTHING_LEFT = 1000  # erfc of more is less than any number of the machine, and takes mpmath long
_BEYOND = 4096  # bits of exponent: mpmath would need as many digits, and for e^e^z minutes


class NoReference(PluginError):
    """A function that cannot be computed in many digits; the message says what stands in the way."""


def reference(function: Callable) -> Callable[..., Any]:
    """``function`` of mpmath numbers, in the working precision of the moment. Raises ``NoReference``.

    Its constants are what they are as float64; those of ``math`` and ``numpy`` are exact.
    """
    return _Many().function(function)


def _bounded(function: Callable) -> Callable:
    """Takes what lies beyond every number of the machine for infinite."""

    def of(*arguments: Any) -> Any:
        return function(*(_within(mpmath.mpmathify(x)) for x in arguments))

    return of


def _within(x: Any) -> Any:
    return mpmath.sign(x) * mpmath.inf if mpmath.isfinite(x) and x != 0 and mpmath.mag(x) > _BEYOND else x


def _sign(x: Any) -> Any:
    return x if mpmath.isnan(x) else mpmath.sign(x)


_FUNCTIONS: dict[str, Any] = {
    **{name: _bounded(getattr(mpmath, name)) for name in (
        "exp", "expm1", "sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "atan", "asin", "acos", "asinh",
        "acosh", "atanh", "floor", "ceil", "gamma", "loggamma", "cbrt",
    )},
    **{name: getattr(mpmath, name) for name in ("log", "log1p", "log10", "sqrt", "hypot", "atan2", "isnan", "isinf")},
    "erfc": _bounded(lambda x: mpmath.mpf(0) if x > _NOTHING_LEFT else mpmath.erfc(x)),
    "log2": lambda x: mpmath.log(x, 2),
    "exp2": _bounded(lambda x: mpmath.mpf(2) ** x),
    "rint": _bounded(mpmath.nint),
    "trunc": _bounded(lambda x: mpmath.floor(x) if x >= 0 else mpmath.ceil(x)),
    "fabs": abs,
    "abs": abs,
    "pow": lambda x, y: mpmath.mpmathify(x) ** y,
    "fmod": lambda x, y: _sign(x) * (abs(x) % abs(y)),
    "copysign": lambda x, y: abs(x) * (-1 if y < 0 else 1),
    "sign": _sign,
    "square": lambda x: x * x,
    "maximum": max,
    "minimum": min,
    "isfinite": mpmath.isfinite,
    "where": lambda condition, x, y: x if condition else y,
    "float32": mpmath.mpmathify,
    "float64": mpmath.mpmathify,
}  # fmt: skip
_RENAMED = {
    "absolute": "abs", "arctan": "atan", "arcsin": "asin", "arccos": "acos", "arcsinh": "asinh", "arccosh": "acosh",
    "arctanh": "atanh", "arctan2": "atan2", "power": "pow", "round": "rint", "lgamma": "loggamma",
}  # fmt: skip
_BUILT_INS = {"float": mpmath.mpmathify, "round": _FUNCTIONS["rint"], "pow": _FUNCTIONS["pow"]}
_CONSTANTS = {"pi": mpmath.pi, "e": mpmath.e, "tau": 2 * mpmath.pi, "inf": mpmath.inf, "nan": mpmath.nan}


class _Library:
    """``math`` or ``numpy``, in many digits."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        found = _CONSTANTS.get(name) or _FUNCTIONS.get(_RENAMED.get(name, name))
        if found is None:
            raise NoReference(f"{self._name}.{name} is not known in many digits.")
        return +found if name in _CONSTANTS else found


class _Many:
    def __init__(self) -> None:
        self._done: dict[int, Any] = {}

    def function(self, function: Any) -> Any:
        if not isinstance(function, types.FunctionType):
            raise NoReference(f"{getattr(function, '__name__', function)!r} is not written in Python.")
        if id(function) not in self._done:
            names = names_in(function.__code__)
            scope = dict(function.__globals__)
            cells = tuple(types.CellType(self._value(c.cell_contents, names)) for c in function.__closure__ or ())
            self._done[id(function)] = rescoped(function, scope, cells)
            scope.update({name: value for name, value in _BUILT_INS.items() if name not in scope})
            scope.update({name: self._value(scope[name], names) for name in names & scope.keys() - _BUILT_INS.keys()})
        return self._done[id(function)]

    def _value(self, value: Any, names: set[str]) -> Any:
        if isinstance(value, types.ModuleType):
            if value in (math, np):
                return _Library(value.__name__)
            copy = types.ModuleType(value.__name__)
            for name in names & vars(value).keys():
                vars(copy)[name] = self._value(vars(value)[name], names)
            return copy
        if isinstance(value, types.FunctionType) and not value.__module__.startswith("numpy"):
            return self.function(value)
        if isinstance(value, float | np.floating):
            return mpmath.mpf(float(value))
        name = getattr(value, "__name__", "")
        for library in (math, np):
            if callable(value) and getattr(library, name, None) is value:
                return getattr(_Library(library.__name__), name)
        return value
