"""The fingerprint of a Python function: a hash of everything its machine code depends on, in whatever file it lies.

Bytecode, constants, defaults, closure cells, and the value of every global it names, functions followed recursively.
Comments, docstrings and line numbers do not count.
"""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

# Their behaviour is fixed by their version, which the cache key carries; a reference to one is hashed by name alone.
_LIBRARIES = frozenset({"builtins", "llvmlite", "math", "numba", "numpy", "operator", "scipy"})


def fingerprint(function: Callable, _seen: dict[int, str] | None = None) -> str:
    """Hex digest of ``function``; equal for equal code, different after an edit in it or in anything it calls."""
    seen = {} if _seen is None else _seen
    function = getattr(function, "py_func", function)
    if id(function) in seen:
        return seen[id(function)]
    seen[id(function)] = "recursion"
    digest = hashlib.sha256()
    for part in _parts(function, seen):
        digest.update(part.encode())
        digest.update(b"\0")
    seen[id(function)] = digest.hexdigest()
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
    if isinstance(value, set | frozenset):
        return f"set({sorted(map(canonical, value))})"
    if isinstance(value, dict):
        return f"dict({sorted((canonical(k), canonical(v)) for k, v in value.items())})"
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({[canonical(v) for v in value]})"
    if isinstance(value, np.ndarray):
        return f"array({value.dtype}, {value.shape}, {value.tobytes().hex()})"
    return f"{type(value).__name__}({value!r})"


def _parts(function: Any, seen: dict[int, str]) -> Iterator[str]:
    if not isinstance(function, types.FunctionType):  # a builtin, a ufunc, an intrinsic: its library's version decides
        yield f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', repr(function))}"
        return
    yield from _code_parts(function.__code__, function.__doc__)
    yield str(hasattr(function, "reassociated"))  # retarget.reassociated: compiled with other flags
    yield canonical(function.__defaults__ or ())
    yield canonical(function.__kwdefaults__ or {})
    names = names_in(function.__code__)
    for name in sorted(names & function.__globals__.keys()):
        yield from _value_parts(name, function.__globals__[name], names, seen)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield from _value_parts(name, cell.cell_contents, names, seen)


def _code_parts(code: types.CodeType, doc: str | None) -> Iterator[str]:
    yield code.co_code.hex()
    yield canonical((code.co_names, code.co_varnames, code.co_argcount, code.co_freevars))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code_parts(constant, None)
        elif constant != doc or doc is None:
            yield canonical(constant)


def _value_parts(name: str, value: Any, names: set[str], seen: dict[int, str]) -> Iterator[str]:
    yield name
    if isinstance(value, types.ModuleType):
        yield value.__name__
        if value.__name__.partition(".")[0] not in _LIBRARIES:
            for attribute in sorted(names & vars(value).keys()):
                yield from _value_parts(attribute, vars(value)[attribute], set(), seen)
    elif callable(value):
        yield fingerprint(value, seen)
    else:
        yield canonical(value)
