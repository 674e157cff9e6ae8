"""Between which bounds an expression lies, whatever its names stand for: interval arithmetic on syntax trees."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

from workbench.derive import rules
from workbench.derive.expressions import literal, number, same

Interval = tuple[float, float]
ANYWHERE = (-math.inf, math.inf)


def bounds(tree: ast.expr, called: Callable[[ast.Call], Any]) -> Interval:
    """The least and the greatest value, infinite where none is known; ``called`` says which function is called."""
    value = number(tree)
    if value is not None:
        return value, value
    if len(factors := _factors(tree)) > 1:
        return _of_product(factors, called)
    if isinstance(tree, ast.IfExp):
        one, other = bounds(tree.body, called), bounds(tree.orelse, called)
        return min(one[0], other[0]), max(one[1], other[1])
    if isinstance(tree, ast.BinOp):
        return _of_operation(tree, bounds(tree.left, called), bounds(tree.right, called))
    if isinstance(tree, ast.Call) and tree.args:
        return _of_call(called(tree), [bounds(argument, called) for argument in tree.args])
    return ANYWHERE


def _of_operation(tree: ast.BinOp, one: Interval, other: Interval) -> Interval:
    match tree.op:
        case ast.Add():
            return one[0] + other[0], one[1] + other[1]
        case ast.Sub():
            return one[0] - other[1], one[1] - other[0]
        case ast.Div() if other[0] > 0:
            return _scaled(one, (1 / other[1], 1 / other[0]))
        case ast.Pow() if one[0] >= 0 or (number(tree.right) or 1) % 2 == 0:
            return 0, math.inf
    return ANYWHERE


def _factors(tree: ast.expr) -> list[ast.expr]:
    match tree:
        case ast.BinOp(left, ast.Mult(), right):
            return _factors(left) + _factors(right)
        case ast.UnaryOp(ast.USub(), operand):
            return [literal(-1), *_factors(operand)]
    return [tree]


def _of_product(factors: list[ast.expr], called: Callable[[ast.Call], Any]) -> Interval:
    """A factor that stands there twice is a square, which is not negative."""
    product: Interval = (1, 1)
    while factors:
        one, *factors = factors
        interval = bounds(one, called)
        if twin := next((other for other in factors if same(one, other)), None):
            factors.remove(twin)
            interval = _absolute(_scaled(interval, interval))
        product = _scaled(product, interval)
    return product


def _of_call(function: Any, arguments: list[Interval]) -> Interval:
    low, high = arguments[0]
    if function in rules.ABS:
        return _absolute((low, high))
    if function in rules.MAX or function in rules.MIN:
        best = max if function in rules.MAX else min
        return best(low for low, _ in arguments), best(high for _, high in arguments)
    if function in rules.EXP:
        return 0, math.exp(high) if high < 700 else math.inf
    if function in rules.WAVES:
        return -1, 1
    return ANYWHERE


def _scaled(one: Interval, other: Interval) -> Interval:
    corners = [a * b if a and b else 0.0 for a in one for b in other]
    return min(corners), max(corners)


def _absolute(interval: Interval) -> Interval:
    low, high = interval
    return max(low, -high, 0.0), max(-low, high)
