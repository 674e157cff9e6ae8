"""Where a function is written, and functions made of written text."""

from __future__ import annotations

import ast
import functools
import linecache
import types
from collections.abc import Mapping
from typing import Any, NamedTuple


class Underivable(Exception):
    """What stands in the way of a derivative, and in which file and line (0: there is no text to point at)."""

    def __init__(self, reason: str, file: str = "", line: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.file, self.line = reason, file, line


def definition(function: types.FunctionType) -> ast.FunctionDef:
    """The syntax tree of a Python function, lines counted as in its file; a lambda becomes a ``return``.

    ``Underivable`` where there is no text, or another than the function was made of.
    """
    code = function.__code__
    file, line, called = code.co_filename, code.co_firstlineno, code.co_name
    linecache.checkcache(file)
    tree, codes = _parsed("".join(linecache.getlines(file, function.__globals__)))
    kind = ast.Lambda if called == "<lambda>" else ast.FunctionDef
    found = [node for node in ast.walk(tree) if isinstance(node, kind) and _first_line(node) == line]
    if kind is ast.Lambda and len(found) > 1:
        raise Underivable("more than one lambda begins in this line; write this one as a function", file, line)
    if not found or not any(_is_same(code, other) for other in codes):
        raise Underivable(f"the source of {called} cannot be read, or has changed since it was imported", file, line)
    return found[0] if isinstance(found[0], ast.FunctionDef) else _as_function(found[0])


@functools.lru_cache(maxsize=4)  # a file's functions are asked for one after the other
def _parsed(text: str) -> tuple[ast.Module, list[types.CodeType]]:
    """The syntax tree of a file, and the code of every function in it; of nothing, if that is no Python."""
    try:
        tree = ast.parse(text)
        codes = [compile(tree, "", "exec", dont_inherit=True)]
    except SyntaxError:
        return ast.Module([], []), []
    for code in codes:
        codes += [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return tree, codes


def _first_line(node: ast.FunctionDef | ast.Lambda) -> int:
    decorators = getattr(node, "decorator_list", None)
    return decorators[0].lineno if decorators else node.lineno


def _is_same(one: types.CodeType, other: types.CodeType) -> bool:
    parts = ("co_name", "co_firstlineno", "co_code", "co_consts", "co_names", "co_varnames")
    return all(getattr(one, part) == getattr(other, part) for part in parts)


def _as_function(node: ast.Lambda) -> ast.FunctionDef:
    (function,) = ast.parse("def lambda_(): ...").body
    assert isinstance(function, ast.FunctionDef)
    function.args, function.body = node.args, [ast.copy_location(ast.Return(node.body), node.body)]
    return ast.copy_location(function, node)


class Written(NamedTuple):
    """A function to be made: its definition, its globals, the others that it calls, and the one it came from."""

    node: ast.FunctionDef
    scope: dict[str, Any]
    calls: dict[str, str]  # its name for another -> the name under which that is to be made
    model: types.FunctionType


def made(functions: Mapping[str, Written], file: str) -> dict[str, types.FunctionType]:
    """Functions that may call each other, from one text; tracebacks show it under the name ``file``.

    Defaults and annotations are their models' own, nothing is evaluated.
    """
    text = "\n\n\n".join(ast.unparse(written.node) for written in functions.values()) + "\n"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    module = compile(text, file, "exec", dont_inherit=True)
    codes = {code.co_name: code for code in module.co_consts if isinstance(code, types.CodeType)}
    finished = {}
    for name, (_, scope, _, model) in functions.items():
        function = finished[name] = types.FunctionType(codes[name], scope, name, model.__defaults__)
        function.__kwdefaults__ = model.__kwdefaults__
        function.__annotations__ = dict(model.__annotations__)
        function.__module__ = model.__module__
        function.derived_source = text  # type: ignore[attr-defined]
    for written in functions.values():
        written.scope.update({alias: finished[name] for alias, name in written.calls.items()})
    return finished
