"""The fingerprint of a Python function: a hash of everything its machine code depends on, in whatever file it lies.

Bytecode, constants, defaults, closure cells, and the value of every global it names, functions followed recursively;
of modules and classes, the attributes it names; of what a library has, its name. Comments, docstrings and line numbers
do not count.
"""

from __future__ import annotations

import enum
import functools
import hashlib
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from workbench.libraries import from_library


def fingerprint(function: Callable, _seen: dict[int, str] | None = None) -> str:
    """Hex digest of ``function``; equal for equal code, different after an edit in it or in anything it calls."""
    seen = {} if _seen is None else _seen
    function = _plain(function)
    if id(function) in seen:
        return seen[id(function)]
    parts = _Parts(seen)
    if not isinstance(function, types.FunctionType) or from_library(function.__module__):
        return _digest(parts.of_value(function))
    seen[id(function)] = "recursion"
    seen[id(function)] = _digest(parts.of_function(function))
    return seen[id(function)]


def names_in(code: types.CodeType) -> set[str]:
    """Every global and attribute name a code object mentions, nested functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_in(constant)
    return names


def canonical(value: Any) -> str:
    """A ``repr`` that is the same in every process: sets and dicts in order, floats exact."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}({canonical(value.value)})"
    if isinstance(value, set | frozenset):
        return f"set({sorted(map(canonical, value))})"
    if isinstance(value, dict):
        return f"dict({sorted((canonical(k), canonical(v)) for k, v in value.items())})"
    if isinstance(value, tuple | list):
        fields = getattr(value, "_fields", "")  # of a named tuple
        return f"{type(value).__name__}{fields}({[canonical(v) for v in value]})"
    if isinstance(value, np.ndarray):
        return f"array({value.dtype}, {value.shape}, {value.tobytes().hex()})"
    return f"{type(value).__name__}({value!r})"


def _code_parts(code: types.CodeType, doc: str | None) -> Iterator[str]:
    yield code.co_code.hex()
    yield code.co_exceptiontable.hex()  # what a `try` covers
    yield canonical((code.co_names, code.co_varnames, code.co_argcount, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_parts(constant, None)
        elif constant != doc or doc is None:
            yield canonical(constant)


class _Parts:
    """What one function's fingerprint is made of; ``seen`` holds the fingerprints of functions met before."""

    def __init__(self, seen: dict[int, str]) -> None:
        self._seen = seen
        self._names: set[str] = set()
        self._entered: list[Any] = []  # modules and classes: they may lead back to each other

    def of_function(self, function: types.FunctionType) -> Iterator[str]:
        yield from _code_parts(function.__code__, function.__doc__)
        yield str(hasattr(function, "reassociated"))  # retarget.reassociated: compiled with other flags
        yield canonical(function.__defaults__ or ())
        yield canonical(function.__kwdefaults__ or {})
        self._names = names_in(function.__code__)
        yield from self._of_named(function.__globals__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            yield name
            yield from self.of_value(cell.cell_contents)

    def of_value(self, value: Any) -> Iterator[str]:
        value = _plain(value)
        if isinstance(value, types.ModuleType):
            yield value.__name__
            if not from_library(value.__name__):
                yield from self._enter(value, vars(value))
        elif not callable(value) or isinstance(value, enum.Enum):
            yield canonical(value)
        elif from_library(getattr(value, "__module__", None)) or isinstance(value, types.BuiltinFunctionType):
            yield f"{value.__module__}.{getattr(value, '__qualname__', repr(value))}"
        elif isinstance(value, types.FunctionType):
            yield fingerprint(value, self._seen)
        elif isinstance(value, functools.partial):
            yield from self.of_value(value.func)
            yield canonical((value.args, value.keywords))
        elif isinstance(value, type):
            yield value.__qualname__
            yield canonical((getattr(value, "_fields", ()), getattr(value, "_field_defaults", {})))  # a named tuple's
            inherited = {name: found for base in reversed(value.__mro__) for name, found in vars(base).items()}
            yield from self._enter(value, inherited)
        else:
            yield canonical(value)

    def _enter(self, owner: Any, attributes: Mapping[str, Any]) -> Iterator[str]:
        if not any(owner is entered for entered in self._entered):
            self._entered.append(owner)
            yield from self._of_named(attributes)

    def _of_named(self, scope: Mapping[str, Any]) -> Iterator[str]:
        for name in sorted(self._names & scope.keys()):
            yield name
            yield from self.of_value(scope[name])


def _plain(value: Any) -> Any:
    """What a compiler's wrapper wraps: a dispatcher, an intrinsic, a static method."""
    if isinstance(value, types.FunctionType) or from_library(getattr(value, "__module__", None)):
        return value
    return getattr(value, "py_func", getattr(value, "__wrapped__", value))


def _digest(parts: Iterator[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode())
        digest.update(b"\0")
    return digest.hexdigest()
