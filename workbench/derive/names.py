"""What the names in a function stand for, and new ones for its derivative."""

from __future__ import annotations

import ast
import builtins
from types import FunctionType
from typing import Any

from workbench.derive.expressions import names_in
from workbench.derive.source import Underivable


class Names:
    """The names of one function, and those that its derivative adds to them."""

    def __init__(self, function: FunctionType, node: ast.FunctionDef) -> None:
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self.file = function.__code__.co_filename
        self.scope = {**function.__globals__, **{name: cell.cell_contents for name, cell in cells}}
        self.added: dict[str, Any] = {}
        self._local = set(function.__code__.co_varnames)
        self._taken = {*self.scope, *vars(builtins), *self._local, *names_in(node)}
        self._fresh: dict[tuple[str, Any], str] = {}

    def value(self, tree: ast.expr) -> Any:
        """What a name, or one with dots, stands for. ``Underivable`` for one that is not there, or not fixed."""
        missing = "what `{}` stands for is not fixed"
        match tree:
            case ast.Name(identifier) if identifier not in self._local:
                for scope in (self.added, self.scope, vars(builtins)):
                    if identifier in scope:
                        return scope[identifier]
                missing = f"the name {identifier!r} is not defined"
            case ast.Attribute(owner, attribute):
                value = self.value(owner)
                if hasattr(value, attribute):
                    return getattr(value, attribute)
                missing = f"{ast.unparse(owner)} has no {attribute!r}"
        raise Underivable(missing.format(ast.unparse(tree)), self.file, getattr(tree, "lineno", 0))

    def fresh(self, wanted: str, value: Any = None) -> str:
        """A name that nothing else has, always the same for one wish: of a variable, or of a global ``value``."""
        if (wanted, value) not in self._fresh:
            free = wanted
            while free in self._taken:
                free += "_"
            self._taken.add(free)
            self._fresh[wanted, value] = free
        return self._fresh[wanted, value]

    def of(self, value: Any, wanted: str) -> str:
        """The name by which the derivative finds ``value``."""
        if wanted not in self._local and self.scope.get(wanted, vars(builtins).get(wanted)) is value:
            return wanted
        free = self.fresh(wanted, value)
        self.added[free] = value
        return free
