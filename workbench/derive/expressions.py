"""Arithmetic on syntax trees: sums and products of expressions, written as a person would write them."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

ONE = ast.Constant(1.0)
ZERO = ast.Constant(0.0)


def name(identifier: str) -> ast.expr:
    return ast.Name(identifier, ast.Load())


def literal(number: float) -> ast.expr:
    return ast.UnaryOp(ast.USub(), ast.Constant(-number)) if number < 0 else ast.Constant(number)


def number(tree: ast.expr | None) -> float | None:
    """The value of a literal, its minus sign included; None of anything else."""
    match tree:
        case ast.Constant(float() | int() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(ast.USub(), operand) if (positive := number(operand)) is not None:
            return -positive
    return None


def same(one: ast.expr | None, other: ast.expr | None) -> bool:
    return one is other or (one is not None and other is not None and ast.dump(one) == ast.dump(other))


def names_in(*trees: ast.AST) -> set[str]:
    """Every name that stands in the trees."""
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def rewritten(tree: Any, change: Callable[[ast.expr], ast.expr | None]) -> Any:
    """The tree with every expression for which ``change`` has another replaced by that; the original stays."""
    if isinstance(tree, list):
        parts = [rewritten(each, change) for each in tree]
        return tree if all(map(operator.is_, parts, tree)) else parts
    if isinstance(tree, ast.expr) and (other := change(tree)) is not None:
        return other
    if not isinstance(tree, ast.expr | ast.keyword):
        return tree
    fields = {field: getattr(tree, field) for field in tree._fields}
    new = {field: rewritten(value, change) for field, value in fields.items()}
    unchanged = all(map(operator.is_, new.values(), fields.values()))
    return tree if unchanged else ast.copy_location(type(tree)(**new), tree)


def replaced(tree: ast.expr, part: ast.expr, by: ast.expr) -> ast.expr:
    """The tree with ``by`` wherever ``part`` stood."""
    kind, dump = type(part), ast.dump(part)
    return rewritten(tree, lambda node: by if type(node) is kind and ast.dump(node) == dump else None)


def real(tree: ast.expr) -> ast.expr:
    """The same as a floating-point number: what stands alone in a call or a return would else be a whole one, or yes.

    >>> ast.unparse(real(ast.parse("1 if z > 0 else -2", mode="eval").body))
    '1.0 if z > 0 else -2.0'
    """
    value = number(tree)
    if value is not None:
        return literal(float(value))
    if isinstance(tree, ast.IfExp):
        return ast.IfExp(tree.test, real(tree.body), real(tree.orelse))
    yes_or_no = isinstance(tree, ast.Compare | ast.BoolOp) or (
        isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)
    )
    return ast.BinOp(ONE, ast.Mult(), tree) if yes_or_no else tree


def negative(tree: ast.expr | None) -> ast.expr | None:
    if tree is None:
        return None
    if (value := number(tree)) is not None:
        return literal(-value)
    match tree:
        case ast.UnaryOp(ast.USub(), operand):
            return operand
        case ast.BinOp(left, ast.Sub(), right):
            return ast.BinOp(right, ast.Sub(), left)
        case ast.BinOp(left, ast.Mult(), right) if (factor := number(left)) is not None:
            return ast.BinOp(literal(-factor), ast.Mult(), right)
        case ast.IfExp(test, body, orelse):
            one, other = number(body), number(orelse)
            if one is not None and other is not None:
                return ast.IfExp(test, literal(-one), literal(-other))
    return ast.UnaryOp(ast.USub(), tree)


def plus(one: ast.expr | None, other: ast.expr | None) -> ast.expr | None:
    if one is None or other is None:
        return other if one is None else one
    a, b = number(one), number(other)
    if a is not None and b is not None:
        return literal(a + b)
    for term, rest in ((other, one), (one, other)):
        minus, without = _sign(term)
        if minus:
            return ast.BinOp(rest, ast.Sub(), without)
    return ast.BinOp(one, ast.Add(), other)


def times(one: ast.expr | None, other: ast.expr | None) -> ast.expr | None:
    """The product; a factor of 1 is dropped, minus signs and numbers come first."""
    if one is None or other is None:
        return None
    (minus, one), (other_minus, other) = _sign(one), _sign(other)
    product = _product(one, other)
    return negative(product) if minus != other_minus else product


def over(one: ast.expr | None, other: ast.expr) -> ast.expr | None:
    """The quotient; minus signs come first."""
    if one is None:
        return None
    (minus, one), (other_minus, other) = _sign(one), _sign(other)
    a, b = number(one), number(other)
    quotient = one if b == 1 else ast.BinOp(one, ast.Div(), other)
    if a is not None and b:
        quotient = literal(a / b)
    return negative(quotient) if minus != other_minus else quotient


def _product(one: ast.expr, other: ast.expr) -> ast.expr | None:
    a, b = number(one), number(other)
    if a is not None and b is not None:
        return literal(float(a * b))
    if 1 in (a, b):
        return real(other if a == 1 else one)
    match one:
        case ast.BinOp(left, ast.Div(), right) if number(left) == 1:
            return over(other, right)
    return ast.BinOp(one, ast.Mult(), other) if b is None else ast.BinOp(other, ast.Mult(), one)


def _sign(tree: ast.expr) -> tuple[bool, ast.expr]:
    """Whether a minus sign leads the expression, and the rest of it."""
    match tree:
        case ast.UnaryOp(ast.USub(), operand):
            return True, operand
        case ast.BinOp(left, ast.Mult(), right) if (factor := number(left) or 0) < 0:
            return True, ast.BinOp(literal(-factor), ast.Mult(), right)
    return False, tree
