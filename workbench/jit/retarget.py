"""Retarget a plain-Python function to one precision: what it names is replaced by fast versions of the same.

``math.exp``, ``np.tanh`` and their like become functions LLVM can vectorise, ``np.dot(a, b, out)`` becomes our matrix
product, helper functions are retargeted in turn, constants of ``math`` and ``numpy`` take the precision. The function
itself is never touched: the copy shares its code object and has globals of its own.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numba import njit

from workbench.jit import vecmath
from workbench.jit.fingerprint import names_in
from workbench.jit.pipeline import PluginCompiler
from workbench.libraries import from_library

# reassoc would make results depend on how a loop was divided; nnan and ninf would break isnan; arcp would divide by a
# square root through an estimate of its reciprocal, which is NaN where the root is infinite.
FASTMATH = frozenset({"contract", "nsz"})
OPTIONS: dict[str, Any] = {"fastmath": set(FASTMATH), "error_model": "numpy", "nogil": True}
# What only machine code calls needs no entrances from Python and C, which take longer to compile than most functions.
_INNER = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def retarget(function: Callable, dtype: str, bind: Mapping[str, Any] | None = None, tag: str = "") -> Any:
    """The compiled-on-demand (``njit``) version of ``function`` for ``dtype`` ("float32" or "float64").

    ``bind`` gives values for global names of ``function`` and of the helpers it calls in its own file; a Python
    function among them is retargeted too. ``tag`` becomes part of their names in machine code: the linker takes
    functions of one name for the same, and cached code of two processes may meet in a third.
    """
    return _Retarget(dtype, tag).function(function, bind or {}, called_from_python=not tag)


def rebind(function: Any, bind: Mapping[str, Any]) -> Any:
    """The same binding as plain Python: a copy of ``function`` and its file's helpers that see the bound names."""
    scope = dict(function.__globals__)
    for name in names_in(function.__code__) & scope.keys() - bind.keys():
        if isinstance(scope[name], types.FunctionType) and scope[name].__globals__ is function.__globals__:
            scope[name] = rebind(scope[name], bind)
    scope.update(bind)
    return rescoped(function, scope, function.__closure__)


def rescoped(function: types.FunctionType, scope: dict[str, Any], cells: tuple[types.CellType, ...] | None) -> Any:
    """A copy of ``function`` with these globals and closure."""
    copy = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


_replacements: dict[int, Callable[[str], Any]] = {}


def replace_function(plain: Callable, replacement: Callable[[str], Any]) -> None:
    """Have kernels call ``replacement(dtype)`` wherever they name ``plain``, which is kept for plain Python."""
    _replacements[id(plain)] = replacement


def reassociated(function: Callable) -> Callable:
    """Mark a reduction that may be summed in vector lanes; its bits depend on its length alone."""
    function.reassociated = True  # type: ignore[attr-defined]
    return function


@functools.cache
def _fast(name: str, dtype: str) -> Any:
    return njit(forceinline=True, **OPTIONS, **_INNER)(vecmath.FUNCTIONS[dtype][name])


class _Retarget:
    def __init__(self, dtype: str, tag: str) -> None:
        self.dtype = dtype
        self.suffix = f"_{dtype}_{tag}"
        self._done: dict[int, Any] = {}
        self._modules: dict[tuple[str, frozenset[str]], types.ModuleType] = {}

    def function(self, function: Any, bind: Mapping[str, Any], called_from_python: bool = False) -> Any:
        if not isinstance(
            function, types.FunctionType
        ):  # an njit dispatcher or an intrinsic: already what it should be
            return function
        if id(function) in _replacements:
            return _replacements[id(function)](self.dtype)
        if id(function) in self._done:
            return self._done[id(function)]
        self._done[id(function)] = function  # a recursive call keeps its plain name
        names = names_in(function.__code__)
        scope = dict(function.__globals__)
        for name in names & scope.keys() - bind.keys():
            helper = isinstance(scope[name], types.FunctionType) and scope[name].__globals__ is function.__globals__
            scope[name] = self.function(scope[name], bind) if helper else self._value(scope[name], names)
        scope.update({name: self._value(value, names) for name, value in bind.items()})
        cells = tuple(types.CellType(self._value(c.cell_contents, names)) for c in function.__closure__ or ())
        copy = rescoped(function, scope, cells)
        # Cached code imports the module it names: the author's may have another name by then.
        copy.__module__, copy.__qualname__ = __name__, f"{function.__module__}.{function.__qualname__}{self.suffix}"
        fastmath = FASTMATH | {"reassoc"} if hasattr(function, "reassociated") else FASTMATH
        options = {**OPTIONS, "fastmath": set(fastmath), "pipeline_class": PluginCompiler}
        options |= {} if called_from_python else _INNER
        # Above LLVM's inlining threshold a plugin's function would stay a call and its loop scalar, ten times slower.
        self._done[id(function)] = njit(forceinline=not bind, **options)(copy)
        return self._done[id(function)]

    def _value(self, value: Any, names: set[str]) -> Any:
        if isinstance(value, types.ModuleType):
            return self._module(value, names)
        if isinstance(value, types.FunctionType) and not from_library(value.__module__):
            return self.function(value, {})
        if callable(value):
            return self._library_function(getattr(value, "__name__", ""), value)
        return value

    def _module(self, module: types.ModuleType, names: set[str]) -> types.ModuleType:
        if module not in (math, np) and module.__name__.partition(".")[0] in ("numba", "numpy"):
            return module
        key = module.__name__, frozenset(names)
        if key in self._modules:  # modules lead back to each other
            return self._modules[key]
        copy = self._modules[key] = types.ModuleType(module.__name__)
        for name in names & vars(module).keys():
            value = vars(module)[name]
            if module in (math, np) and isinstance(value, float):
                value = getattr(np, self.dtype)(value)
            vars(copy)[name] = self._value(value, names)
        return copy

    def _library_function(self, name: str, value: Any) -> Any:
        if id(value) in _replacements:
            return _replacements[id(value)](self.dtype)
        if name in vecmath.FUNCTIONS[self.dtype] and value in (getattr(math, name, None), getattr(np, name, None)):
            return _fast(name, self.dtype)
        return value
