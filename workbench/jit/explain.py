"""One line out of a compiler's many: which plugin, which file and line, and why."""

from __future__ import annotations

import builtins
import dis
import os
import re
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from workbench.errors import PluginError
from workbench.jit.fingerprint import from_library

# What the telling line of a Numba error contains; its other lines say where Numba was when it found out.
_TELLING = (
    "Unknown attribute", " unify ", "is not defined", "Use of unsupported", "Untyped global", "missing a required",
    "too many positional", "No implementation of function", "not supported", "has no attribute",
)  # fmt: skip


def explain(error: Exception, owner: str, functions: Mapping[str, tuple[Callable, Mapping[str, Any]]]) -> PluginError:
    """The ``PluginError`` to raise for what the compiler said of ``functions`` (name -> (function, bound names))."""
    bound = [f for template, bind in functions.values() for f in (*bind.values(), template)]
    seen = list(dict.fromkeys(helper for f in bound for helper in _with_helpers(f)))
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    found = next((reason for f in seen for reason in _unknown_names(f)), None) or _in_message(text, seen)
    hidden = len(text.splitlines()) - 1
    trace = f" [{hidden} lines of the compiler's own hidden; WORKBENCH_TRACE=1 shows them]" if hidden else ""
    return PluginError(f"{owner}: {found}{'' if os.environ.get('WORKBENCH_TRACE') else trace}")


def _with_helpers(value: Any, names: Sequence[str] = (), depth: int = 5) -> Iterator[types.FunctionType]:
    """A function and what it calls, in whatever module that lies."""
    if isinstance(value, types.FunctionType) and not from_library(value.__module__):
        yield value
        names, scope = value.__code__.co_names, value.__globals__
    elif isinstance(value, types.ModuleType) and not from_library(value.__name__):
        scope = vars(value)
    else:
        return
    for name in names if depth else ():
        yield from _with_helpers(scope.get(name), names, depth - 1)


def _unknown_names(function: types.FunctionType) -> Iterator[str]:
    """Names and module attributes that do not exist: Numba reports these without a place."""
    code, line, module = function.__code__, function.__code__.co_firstlineno, None
    for step in dis.get_instructions(function):
        line = step.positions.lineno or line if step.positions else line
        if step.opname == "LOAD_GLOBAL":
            if step.argval not in function.__globals__ and not hasattr(builtins, step.argval):
                yield f"{code.co_filename}, line {line}: name {step.argval!r} is not defined"
            module = function.__globals__.get(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(module, types.ModuleType):
            if not hasattr(module, step.argval):
                yield f"{code.co_filename}, line {line}: module {module.__name__!r} has no attribute {step.argval!r}"
            module = getattr(module, step.argval, None)
        else:
            module = None


def _in_message(text: str, seen: list[types.FunctionType]) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    reason = next((line for line in lines if any(telling in line for telling in _TELLING)), lines[-1])
    files = {os.path.realpath(f.__code__.co_filename): f.__code__.co_filename for f in seen}
    places = re.findall(r'File "([^"]+)", line (\d+)', text) + re.findall(r"at (\S+) \((\d+)\)", text)
    for file, line in places:
        if os.path.realpath(file) in files:
            return f"{files[os.path.realpath(file)]}, line {line}: {reason}"
    return reason
