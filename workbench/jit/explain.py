"""One line out of a compiler's many: which plugin, which file and line, and why, in plain words."""

from __future__ import annotations

import builtins
import dis
import inspect
import os
import re
import sys
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from numba.core.ir import Loc

from workbench.errors import PluginError
from workbench.jit.reasons import CONSTRUCTS, Place, instead_of, nodes_of, nodes_on, reason
from workbench.libraries import from_library

# Where Numba says it was: a file as seen from the working folder, or "typing of call at FILE (LINE)".
_PLACE = re.compile(r'File "([^"]+)", line (\d+)|(?:\bat|\bfrom) (.+?) \((\d+)\)')

Bound = Mapping[str, tuple[Callable, Mapping[str, Any]]]  # name -> (function, names bound in it)


def explain(error: Exception, owner: str, functions: Bound) -> PluginError:
    """The ``PluginError`` to raise for what the compiler said of ``functions``; ``owner`` names the plugin."""
    named = [(name, f) for template, bind in functions.values() for name, f in (*bind.items(), ("", template))]
    seen = dict.fromkeys(helper for _, f in named for helper in _with_helpers(f))
    plugin = [function for function in seen if not _is_ours(function)]
    told = next((mistake for function in plugin for mistake in _unknown_names(function)), None)
    return PluginError(_as_seen_from_here(f"{owner}: {told or _told(error, functions, plugin)}"))


def _told(error: Exception, functions: Bound, plugin: list[types.FunctionType]) -> str:
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    place = _place(error, text, functions, plugin)
    why = place and reason(place, text, plugin)
    if why is None:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = next((line for line in lines if not line.startswith("Failed in")), "no reason given")
        trace = f" [{len(lines) - 1} lines of the compiler's own hidden; WORKBENCH_TRACE=1 shows them]"
        why = said if hasattr(error, "loc") else f"the compiler failed: {type(error).__name__}: {said}"
        why += trace if len(lines) > 1 else ""
    return f"{place}: {why}" if place else f"{why}"


def _as_seen_from_here(text: str) -> str:
    here = os.path.join(os.getcwd(), "")
    return text if here == os.sep else text.replace(here, "")


def _with_helpers(value: Any, names: Sequence[str] = (), depth: int = 5) -> Iterator[types.FunctionType]:
    """A function and what it calls, in whatever module that lies."""
    if isinstance(value, types.FunctionType) and not from_library(value.__module__):
        yield value
        names, scope = value.__code__.co_names, value.__globals__
        for cell in value.__closure__ or ():
            yield from _with_helpers(cell.cell_contents, (), depth - 1)
    elif isinstance(value, types.ModuleType) and not from_library(value.__name__):
        scope = vars(value)
    else:
        return
    for name in names if depth > 0 else ():
        yield from _with_helpers(scope.get(name), names, depth - 1)


def _is_ours(function: types.FunctionType) -> bool:
    """Whether it belongs to the core of the workbench, where no author of a plugin has anything to mend."""
    package, _, rest = (function.__module__ or "").partition(".")
    return package == __name__.partition(".")[0] and rest.partition(".")[0] != "plugins"


def _unknown_names(function: types.FunctionType) -> Iterator[str]:
    """Names and module attributes that do not exist: Numba reports these without a place."""
    scope, codes = function.__globals__, list(_codes(function.__code__))
    known = [*(name for code in codes for name in code.co_varnames), *scope, *vars(builtins)]
    for code in codes:
        line, module = code.co_firstlineno, None
        for step in dis.get_instructions(code):
            line = step.positions.lineno or line if step.positions else line
            place, name = f"{code.co_filename}, line {line}", step.argval
            if step.opname == "LOAD_GLOBAL":
                if name not in scope and not hasattr(builtins, name):
                    missing = "; is an import missing?" if name in {"np", *sys.modules} else ""
                    yield f"{place}: name {name!r} is not defined{missing or instead_of(name, known)}"
                module = scope.get(name)
            elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and isinstance(module, types.ModuleType):
                if not hasattr(module, name):
                    near = instead_of(name, dir(module))
                    yield f"{place}: module {module.__name__!r} has no attribute {name!r}{near}"
                module = getattr(module, name, None)
            else:
                module = None


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _place(error: Exception, text: str, functions: Bound, plugin: list[types.FunctionType]) -> Place | None:
    """The innermost place that the plugin's author can do something about; None if no part of this is a plugin's."""
    loops = {os.path.realpath(inspect.getfile(template)) for template, bind in functions.values() if bind}
    called = {name: f for _, bind in functions.values() for name, f in bind.items() if f in plugin}
    for file, line in _places(error, text):
        written = [f for f in plugin if os.path.realpath(f.__code__.co_filename) == file]
        if above := [f for f in written if f.__code__.co_firstlineno <= line]:
            return Place(max(above, key=lambda f: f.__code__.co_firstlineno), line, inside=True)
        if file in loops and called:
            names = [getattr(node, "id", "") for node in nodes_on(file, line, line)]
            function = next((called[name] for name in names if name in called), next(iter(called.values())))
            return Place(function, function.__code__.co_firstlineno, inside=False)
    for function in plugin:  # some constructs are refused without a place
        for node in nodes_of(function):
            if isinstance(node, tuple(CONSTRUCTS)):
                return Place(function, node.lineno, inside=True)
    return Place(plugin[0], plugin[0].__code__.co_firstlineno, inside=True) if plugin else None


def _places(error: Exception, text: str) -> Iterator[tuple[str, int]]:
    """Files and lines, innermost first: what the message names, then where the compiler was when it broke off."""
    said = [(os.path.realpath(a or b), int(m or n)) for a, m, b, n in _PLACE.findall(text)]
    returns = text.count("Return of: IR name")  # these come first, in any order
    yield from (*sorted(said[:returns]), *said[returns:])
    frames, step = [], error.__traceback__
    while step is not None:
        frames.append(step.tb_frame.f_locals)
        step = step.tb_next
    for variables in reversed(frames):
        for loc in (variables.get("loc"), getattr(variables.get("self"), "loc", None)):
            if isinstance(loc, Loc):
                yield os.path.realpath(loc.filename), loc.line
