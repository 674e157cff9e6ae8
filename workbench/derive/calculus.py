"""Calculus on expressions: what an expression is just left of a point, and its tangent there."""

from __future__ import annotations

import ast
import builtins
import functools
import math
import operator
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any, Literal, Protocol

from workbench.derive import rules
from workbench.derive.bounds import bounds
from workbench.derive.expressions import (
    ZERO,
    literal,
    name,
    names_in,
    negative,
    number,
    over,
    plus,
    real,
    rewritten,
    same,
    times,
)
from workbench.derive.names import Names
from workbench.derive.source import Underivable
from workbench.libraries import from_library

Moving = tuple[ast.expr, ast.expr | None]  # an expression and its tangent, None for zero
What = Literal["tangent", "value"]  # there is to be had of a function
Speed = Literal["one", "bounded", "unbounded"]  # of a parameter: its tangent is 1, or another, which may overflow

_FAR_FROM_OVERFLOW = 80  # e to this power, in float32
# Just left of a point, equal numbers compare as their tangents do the other way round.
_TURNED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Lt: ast.Gt, ast.LtE: ast.GtE}
_STRICT: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.GtE: ast.Gt, ast.LtE: ast.Lt}
_LAX = {strict: lax for lax, strict in _STRICT.items()}
_COMPARE = {ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Lt: operator.lt, ast.LtE: operator.le}
_ONE_POINT = "singles out one point, which says nothing of the slope there; test a range"


class Helper(Protocol):
    """An author's function that another one calls, derived: what the calculus must know of it."""

    name: str
    moving: list[str]  # parameters whose tangents it takes, before all else
    flat: bool  # whether its tangent is zero
    unbounded: bool  # whether its tangent may overflow

    @property
    def kinked(self) -> bool:
        """Whether it decides anything at a point otherwise than just left of it."""


@dataclass(frozen=True)
class Part:
    """What there is of a derived helper: its tangent, or its value just left of the point; both take the same."""

    helper: Helper
    what: What


Derive = Callable[[FunctionType, Mapping[str, Speed]], Helper]
NameOf = Callable[[Part], str]


class Calculus:
    """Expressions of one function whose names have ``tangents``; a name that has none does not move with the argument.

    ``derived(function, speeds)`` is an author's function that they call, derived for parameters that move like this;
    ``name_of(part)`` how a part of it is to be called. What cannot be derived raises ``Underivable``.
    """

    def __init__(self, names: Names, derived: Derive, name_of: NameOf) -> None:
        self.names, self._derived, self._name_of = names, derived, name_of
        self.tangents: dict[str, ast.expr] = {}
        self.unbounded: set[str] = set()  # names of tangents that may overflow
        self.kinked = False  # whether ``left`` has changed anything
        self.line = 0  # of the statement at hand

    def obstacle(self, reason: str, at: ast.AST) -> Underivable:
        """What to raise for something that cannot be derived."""
        return Underivable(reason, self.names.file, getattr(at, "lineno", self.line))

    def moves(self, tree: ast.AST) -> bool:
        """Whether the expression names anything that has a tangent."""
        return not self.tangents.keys().isdisjoint(names_in(tree))

    def called(self, call: ast.Call) -> Any:
        """The function that is called, or a ``Part`` of one."""
        function = self.names.value(call.func)
        return function if isinstance(function, Hashable) else None

    # Just left of the point

    def left(self, tree: ast.expr) -> ast.expr:
        """The expression, with everything that it decides decided as just left of the point."""
        return rewritten(tree, self._left) if self.moves(tree) else tree

    def decision(self, tree: ast.expr) -> ast.expr:
        """The same of what is used as a yes or no."""
        test = self.left(tree)
        if self.tangent(test) is not None:
            raise self.obstacle(f"`{ast.unparse(tree)}` as a yes or no {_ONE_POINT}", tree)
        return test

    def _left(self, node: ast.expr) -> ast.expr | None:
        match node:
            case ast.Compare():
                new = self._left_of_comparison(node)
            case ast.Call():
                new = self._left_of_call(node)
            case ast.IfExp(test, body, orelse):
                return ast.IfExp(self.decision(test), self.left(body), self.left(orelse))
            case ast.BoolOp(op, values):
                return ast.BoolOp(op, [self.decision(each) for each in values])
            case ast.UnaryOp(ast.Not(), operand):
                return ast.UnaryOp(ast.Not(), self.decision(operand))
            case _:
                return None
        self.kinked = self.kinked or not same(node, new)
        return ast.copy_location(new, node)

    def _left_of_comparison(self, node: ast.Compare) -> ast.expr:
        sides = [self.left(side) for side in (node.left, *node.comparators)]
        pairs = [
            self._left_of_pair(one, op, other, node)
            for one, op, other in zip(sides[:-1], node.ops, sides[1:], strict=True)
        ]
        if len(pairs) == 1:
            return pairs[0]
        ops = [pair.ops[0] for pair in pairs if isinstance(pair, ast.Compare)]
        return ast.Compare(sides[0], ops, sides[1:]) if len(ops) == len(pairs) else ast.BoolOp(ast.And(), pairs)

    def _left_of_pair(self, one: ast.expr, op: ast.cmpop, other: ast.expr, node: ast.expr) -> ast.expr:
        d_one, d_other = self.tangent(one), self.tangent(other)
        if same(d_one, d_other):
            return ast.Compare(one, [op], [other])
        kind = type(op)
        if kind not in _TURNED:
            raise self.obstacle(f"`{ast.unparse(node)}` {_ONE_POINT}", node)
        strict, lax = _STRICT.get(kind, kind), _LAX.get(kind, kind)
        a, b = number(d_one or ZERO), number(d_other or ZERO)
        if a is not None and b is not None:
            return ast.Compare(one, [lax() if _COMPARE[_TURNED[kind]](a, b) else strict()], [other])
        tie = ast.Compare(one, [ast.Eq()], [other])
        before = ast.Compare(d_one or ZERO, [_TURNED[kind]()], [d_other or ZERO])
        apart = ast.Compare(one, [strict()], [other])
        return ast.BoolOp(ast.Or(), [apart, ast.BoolOp(ast.And(), [tie, before])])

    def _left_of_call(self, node: ast.Call) -> ast.expr:
        function = self.called(node)
        if function in rules.DECISIONS and self.moves(node):
            template = rules.DECISIONS[function]
            known = dict(zip("uvw", node.args, strict=False))
            if node.keywords or known.keys() != names_in(_parsed(template)) - {"abs"}:
                raise self.obstacle(f"no derivative is known of `{ast.unparse(node)}`", node)
            return self.left(self._instance(template, known))
        new = ast.copy_location(
            ast.Call(node.func, rewritten(node.args, self._left), rewritten(node.keywords, self._left)), node
        )
        if _is_an_authors(function) and (tangents := self._tangents_of_parameters(function, new)):
            helper = self._helper(function, tangents)
            if helper.kinked:
                return self._call_of(Part(helper, "value"), new, tangents)
        return new

    # Helpers

    def _tangents_of_parameters(self, function: FunctionType, call: ast.Call) -> dict[str, ast.expr]:
        positional = function.__code__.co_varnames[: function.__code__.co_argcount]
        given = [*zip(positional, call.args, strict=False), *((each.arg, each.value) for each in call.keywords)]
        if any(isinstance(tree, ast.Starred) or parameter is None for parameter, tree in given):
            raise self.obstacle(f"no derivative goes through `{ast.unparse(call)}`", call)
        return {str(parameter): tangent for parameter, tree in given if (tangent := self.tangent(tree)) is not None}

    def _helper(self, function: FunctionType, tangents: Mapping[str, ast.expr]) -> Helper:
        def speed(tangent: ast.expr) -> Speed:
            if number(tangent) == 1:
                return "one"
            return "unbounded" if self.may_overflow(tangent) else "bounded"

        return self._derived(function, {parameter: speed(tangent) for parameter, tangent in tangents.items()})

    def _call_of(self, part: Part, call: ast.Call, tangents: Mapping[str, ast.expr]) -> ast.expr:
        moving = [real(tangents[parameter]) for parameter in part.helper.moving]
        return ast.Call(self._name(part), [*moving, *call.args], call.keywords)

    def _name(self, part: Part) -> ast.expr:
        return name(self.names.of(part, self._name_of(part)))

    # Tangents

    def tangent(self, tree: ast.expr) -> ast.expr | None:
        """The tangent of an expression that ``left`` has given; None for zero."""
        match tree:
            case ast.Constant():
                return None
            case ast.Name(identifier):
                return self.tangents.get(identifier)
            case ast.UnaryOp(ast.USub(), operand):
                return negative(self.tangent(operand))
            case ast.UnaryOp(ast.UAdd(), operand):
                return self.tangent(operand)
            case ast.BinOp(u, _, v):
                return self._of_operation(tree, (u, self.tangent(u)), (v, self.tangent(v)))
            case ast.Call():
                return self._of_call(tree) if self.moves(tree) else None
            case ast.IfExp(_, body, orelse) if self.moves(tree):
                one, other = self.tangent(body), self.tangent(orelse)
                return one if same(one, other) else ast.IfExp(tree.test, real(one or ZERO), real(other or ZERO))
            case ast.Compare() | ast.BoolOp() | ast.UnaryOp(ast.Not()):
                return None
            case ast.Subscript(value, index) if self.tangent(value) is None and self.tangent(index) is None:
                return None
        if not self.moves(tree):
            return None
        raise self.obstacle(f"no derivative goes through `{ast.unparse(tree)}`", tree)

    def _of_operation(self, tree: ast.BinOp, one: Moving, other: Moving) -> ast.expr | None:
        (u, du), (v, dv) = one, other
        match tree.op:
            case ast.Add():
                return plus(du, dv)
            case ast.Sub():
                return plus(du, negative(dv))
            case ast.Mult():
                return plus(times(du, v), times(u, dv))
            case ast.Div() if self.may_overflow(dv):
                return self._rule(rules.d_quotient, one, other)
            case ast.Div():
                return over(plus(du, negative(times(tree, dv))), v)
            case ast.Pow():
                return self._of_power(tree, one, other)
            case ast.FloorDiv():
                return None
            case ast.Mod() if dv is None:
                return du
        raise self.obstacle(f"no derivative is known of `{ast.unparse(tree)}`", tree)

    def _of_power(self, tree: ast.expr, base: Moving, exponent: Moving) -> ast.expr | None:
        (u, du), (p, dp) = base, exponent
        if du is None:
            return times(times(tree, self._instance("math.log(u)", {"u": real(u)})), dp)
        if dp is not None:
            return self._rule(rules.d_powers, base, exponent)
        power = number(p)
        if power == 0:
            return None
        if (power is None or 0 < power < 1) and number(du) is None and not self._bounds(u)[0] > 0:
            return self._rule(rules.d_power, base, p)
        less = ast.BinOp(p, ast.Sub(), ast.Constant(1)) if power is None else literal(power - 1)
        rest = u if power == 2 else ast.BinOp(u, ast.Pow(), less)
        return du if power == 1 else self._along(times(p, rest), du)

    def _of_call(self, call: ast.Call) -> ast.expr | None:
        function = self.called(call)
        if isinstance(function, Part):  # a value just left of the point; its tangent takes the same arguments
            tangent = ast.Call(self._name(Part(function.helper, "tangent")), call.args, call.keywords)
            return None if function.helper.flat else tangent
        if _is_an_authors(function):
            tangents = self._tangents_of_parameters(function, call)
            helper = self._helper(function, tangents) if tangents else None
            return self._call_of(Part(helper, "tangent"), call, tangents) if helper and not helper.flat else None
        arguments: list[Moving] = [(each, self.tangent(each)) for each in call.args]
        moving = [du for _, du in arguments] + [self.tangent(each.value) for each in call.keywords]
        if function in rules.STEPS or not any(moving):
            return None
        if not call.keywords:
            match len(arguments):
                case 1 if function in rules.ABS:
                    return self._of_abs(*arguments[0], call)
                case 2 if function in rules.POW:
                    return self._of_power(call, *arguments)
                case 2 if function in rules.HYPOT:
                    return self._rule(rules.d_hypot, *arguments)
                case n if n > 1 and (function in rules.MAX or function in rules.MIN):
                    return functools.reduce(functools.partial(self._extreme, call, function in rules.MAX), arguments)[1]
                case n if n == len(rules.SLOPES.get(function, ())):
                    return self._by_rule(function, call, arguments)
        if function in (int, bool):
            raise self.obstacle(f"`{ast.unparse(call)}` has no slope; math.trunc or math.floor count as flat", call)
        raise self.obstacle(f"no derivative is known of `{ast.unparse(call)}`", call)

    def _of_abs(self, u: ast.expr, du: ast.expr | None, call: ast.Call) -> ast.expr | None:
        slope = number(du)
        if self._bounds(u)[0] >= 0:
            return du
        if slope is None:
            return self._rule(rules.d_abs, (u, du))
        rising = self._left_of_pair(u, ast.GtE(), ast.Constant(0), call)
        return ast.IfExp(rising, literal(float(slope)), literal(float(-slope)))

    def _extreme(self, call: ast.Call, greatest: bool, one: Moving, other: Moving) -> Moving:
        (u, du), (v, dv) = one, other
        both = ast.Call(call.func, [u, v], [])
        if same(du, dv):
            return both, du
        if number(du or ZERO) is None or number(dv or ZERO) is None:
            return both, self._rule(rules.d_max if greatest else rules.d_min, one, other)
        first = self._left_of_pair(u, ast.Gt() if greatest else ast.Lt(), v, call)
        return both, ast.IfExp(first, real(du or ZERO), real(dv or ZERO))

    def _by_rule(self, function: Any, call: ast.Call, arguments: list[Moving]) -> ast.expr | None:
        known = dict(zip("uv", call.args, strict=False)) | {"y": call}
        slopes = [self._instance(slope, known) for slope in rules.SLOPES[function]]
        (u, du), slope = arguments[0], slopes[0]
        rule, above = rules.STEEP.get(function, (None, math.inf))
        if rule and number(du) is None and not self._bounds(u)[0] > above:
            return self._rule(rule, (u, du))
        if function in rules.LOG and isinstance(slope, ast.BinOp):
            return times(slope.left, self._over(du, slope.right))
        parts = [self._along(slope, du) for slope, (_, du) in zip(slopes, arguments, strict=True)]
        return functools.reduce(plus, parts)

    # What these are written with

    def _rule(self, rule: Callable, *arguments: Moving | ast.expr | None) -> ast.expr:
        """A call of one of the functions in ``rules``."""
        flat = [part for each in arguments for part in (each if isinstance(each, tuple) else (each,))]
        return ast.Call(name(self.names.of(rule, rule.__name__)), [real(part or ZERO) for part in flat], [])

    def _instance(self, template: str, known: Mapping[str, ast.expr]) -> ast.expr:
        """An expression out of the table of derivatives, for these arguments."""

        def change(node: ast.expr) -> ast.expr | None:
            if not isinstance(node, ast.Name):
                return None
            if node.id in known:
                return known[node.id]
            value = vars(rules).get(node.id, vars(builtins).get(node.id))
            return name(self.names.of(value, node.id))

        return rewritten(_parsed(template), change)

    def _along(self, slope: ast.expr | None, du: ast.expr | None) -> ast.expr | None:
        """slope * du, by ``chain`` where du may be infinite."""
        fixed = slope is None or du is None or number(slope) is not None
        return times(slope, du) if fixed or not self.may_overflow(du) else self._rule(rules.chain, slope, du)

    def _over(self, du: ast.expr | None, by: ast.expr) -> ast.expr | None:
        """du / by, beginning with the factor of du that may be too large to be multiplied first."""
        if isinstance(du, ast.UnaryOp) and isinstance(du.op, ast.USub):
            return negative(self._over(du.operand, by))
        if isinstance(du, ast.BinOp) and isinstance(du.op, ast.Mult):
            for large, rest in ((du.left, du.right), (du.right, du.left)):
                if self.may_overflow(large):
                    return times(over(large, by), rest)
        return over(du, by)

    def _bounds(self, tree: ast.expr) -> tuple[float, float]:
        return bounds(tree, self.called)

    def may_overflow(self, tangent: ast.expr | None) -> bool:
        """Whether there is an exponential in it, of anything that is not bounded."""
        if tangent is None:
            return False
        if isinstance(tangent, ast.Name):
            return tangent.id in self.unbounded
        if isinstance(tangent, ast.Call):
            function = self.called(tangent)
            if isinstance(function, Part):
                return function.what == "tangent" and function.helper.unbounded
            if function in (rules.chain, rules.d_quotient):
                return False
            if function in rules.GROWING:
                return self._bounds(tangent.args[0])[1] > _FAR_FROM_OVERFLOW
            if function in rules.GROWING_BOTH_WAYS:
                return True
        if isinstance(tangent, ast.BinOp) and isinstance(tangent.op, ast.Pow) and self.moves(tangent.right):
            return True
        return any(self.may_overflow(part) for part in ast.iter_child_nodes(tangent) if isinstance(part, ast.expr))


def _is_an_authors(function: Any) -> bool:
    return isinstance(function, FunctionType) and not from_library(function.__module__)


@functools.cache
def _parsed(template: str) -> ast.expr:
    tree = ast.parse(template, mode="eval").body
    for node in ast.walk(tree):
        vars(node).pop("lineno", None)  # it is no line of the author's
    return tree
