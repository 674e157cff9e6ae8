"""The derivative of a function, with that of every other it calls."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from workbench.derive.calculus import Part, Speed
from workbench.derive.expressions import names_in
from workbench.derive.functions import Derived
from workbench.derive.source import Underivable, Written, made


class Derivation:
    """One request: the functions that were derived for it, each once for the way its parameters move."""

    def __init__(self) -> None:
        self._derived: dict[tuple, Derived] = {}
        self._underway: list[FunctionType] = []
        self._names: dict[Part, str] = {}

    def derived(self, function: FunctionType, speeds: Mapping[str, Speed]) -> Derived:
        key = function, *speeds.items()
        if key not in self._derived:
            if function in self._underway:
                code = function.__code__
                raise Underivable(f"{function.__name__} calls itself", code.co_filename, code.co_firstlineno)
            self._underway.append(function)
            self._derived[key] = Derived(function, speeds, self.derived, self.name_of)
            self._underway.pop()
        return self._derived[key]

    def name_of(self, part: Part) -> str:
        if part not in self._names:
            called = wanted = f"{'d' if part.what == 'tangent' else 'left'}_{part.helper.name}"
            while called in self._names.values():
                called = f"{wanted}_{1 + int(called.removeprefix(wanted).strip('_') or 1)}"
            self._names[part] = called
        return self._names[part]

    def write(self, function: Any, argument: int, noun: str, extra: str | None) -> FunctionType:
        """The derivative with respect to parameter number ``argument``."""
        if not isinstance(function, FunctionType):
            raise Underivable(f"{getattr(function, '__name__', repr(function))} is no function written in Python")
        by = function.__code__.co_varnames[argument]
        main = self.derived(function, {by: "one"})
        called = f"{noun}_of_{main.name}"
        doc = f"The {noun} of {main.name} with respect to {by}; at a kink that from the left."
        functions: dict[str, Written] = {}
        self._write(functions, called, main, main.written(called, "tangent", doc, extra))
        return made(functions, f"<{noun} of {main.name}, {function.__code__.co_filename}:{main.node.lineno}>")[called]

    def _write(self, functions: dict[str, Written], called: str, derived: Derived, node: ast.FunctionDef) -> None:
        """Add a function to those that are to be made, and what it calls."""
        mentioned = names_in(node)
        added = {alias: value for alias, value in derived.names.added.items() if alias in mentioned}
        parts = {alias: value for alias, value in added.items() if isinstance(value, Part)}
        calls = {alias: self.name_of(part) for alias, part in parts.items()}
        functions[called] = Written(node, {**derived.names.scope, **added}, calls, derived.function)
        for alias, part in parts.items():
            if calls[alias] not in functions:
                helper = part.helper
                assert isinstance(helper, Derived)
                self._write(functions, calls[alias], helper, helper.written(calls[alias], part.what))
