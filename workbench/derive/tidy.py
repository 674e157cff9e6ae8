"""Tidying up what was derived: no call is made twice, and nothing is computed that nobody reads."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from workbench.derive.expressions import name, replaced


def calls_made_once(
    trees: Sequence[ast.expr], worthwhile: Callable[[ast.Call], bool], name_for: Callable[[ast.Call], str]
) -> tuple[list[tuple[str, ast.expr]], list[ast.expr]]:
    """Names for calls that stand in the expressions more than once, with their values, and the expressions with these.

    Nothing is computed that would not be: one of the calls must be made whatever is decided.
    """
    values: list[tuple[str, ast.expr]] = []
    results = list(trees)
    while True:
        calls = [found for tree in (*results, *(value for _, value in values)) for found in _calls(tree)]
        times = Counter(ast.dump(call) for call, _ in calls)
        repeated = [call for call, certain in calls if certain and times[ast.dump(call)] > 1 and worthwhile(call)]
        if not repeated:
            return values, results
        largest = max(repeated, key=lambda call: len(ast.dump(call)))
        known = name_for(largest)
        results = [replaced(tree, largest, name(known)) for tree in results]
        values = [(other, replaced(value, largest, name(known))) for other, value in values]
        values.insert(0, (known, largest))


def _calls(tree: ast.AST, certain: bool = True) -> Iterator[tuple[ast.Call, bool]]:
    """Every call in an expression, and whether it is made whatever is decided."""
    if isinstance(tree, ast.Call):
        yield tree, certain
    first = {ast.IfExp: "test", ast.BoolOp: "values", ast.Compare: "left"}.get(type(tree))
    for field, value in ast.iter_fields(tree):
        for i, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, ast.AST):
                yield from _calls(part, certain and (first is None or (field == first and i == 0)))


def without_unused(statements: list[ast.stmt]) -> list[ast.stmt]:
    """The same without assignments to names that nobody reads."""
    read: set[str] = set()
    while read != (read := _read_in(statements)):
        statements = _those_read(statements, read)
    return statements


def _read_in(statements: list[ast.stmt]) -> set[str]:
    nodes = [node for statement in statements for node in ast.walk(statement)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _those_read(statements: list[ast.stmt], read: set[str]) -> list[ast.stmt]:
    kept: list[ast.stmt] = []
    for statement in statements:
        match statement:
            case ast.Assign([ast.Name(target)]) if target not in read:
                continue
            case ast.If(test, body, orelse):
                body, orelse = _those_read(body, read), _those_read(orelse, read)
                if body or orelse:
                    kept.append(ast.If(test, body or [ast.Pass()], orelse))
            case ast.For(target, sequence, body, orelse):
                kept.append(ast.For(target, sequence, _those_read(body, read) or [ast.Pass()], orelse, lineno=0))
            case ast.While(test, body, orelse):
                kept.append(ast.While(test, _those_read(body, read) or [ast.Pass()], orelse))
            case _:
                kept.append(statement)
    return kept
