"""Calculus on statements: a function of the author's, and its derivative as a function of the same kind."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Mapping, Sequence
from types import FunctionType

from workbench.derive import rules
from workbench.derive.calculus import Calculus, Derive, NameOf, Speed, What
from workbench.derive.expressions import ONE, ZERO, name, names_in, number, real, replaced, same
from workbench.derive.names import Names
from workbench.derive.source import definition
from workbench.derive.tidy import calls_made_once, without_unused


class Derived:
    """A function whose parameters move at these speeds: its tangent, and its value just left of the point.

    A name moves if it is ever given something that does; then every assignment to it comes with one to its tangent.
    """

    def __init__(self, function: FunctionType, speeds: Mapping[str, Speed], derived: Derive, name_of: NameOf) -> None:
        self.function, self.node = function, definition(function)
        self.name = function.__name__.strip("<>")
        self.names = Names(function, self.node)
        self.moving = [parameter for parameter, speed in speeds.items() if speed != "one"]
        self.flat, self.unbounded = True, False
        self._speeds = speeds
        self._calculus = Calculus(self.names, derived, name_of)
        self._assignments = Counter(
            node.id for node in ast.walk(self.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        self._parameters = [each.arg for each in (*self._positional(self.node.args), *self.node.args.kwonlyargs)]
        self._named: Counter[str] = Counter()  # of each function, calls that were given a name so far
        if self.node.args.vararg or self.node.args.kwarg:
            raise self._calculus.obstacle("no derivative goes through starred arguments", self.node)
        for parameter, speed in speeds.items():
            fixed = speed == "one" and not self._assignments[parameter]
            self._calculus.tangents[parameter] = ONE if fixed else name(self._d(parameter))
            if speed == "unbounded":
                self._calculus.unbounded.add(self._d(parameter))
        known = None
        while known != (known := self._known()):  # read it until nothing new is found out
            self._tangent = self._body("tangent")

    @property
    def kinked(self) -> bool:
        return self._calculus.kinked

    def written(self, called: str, what: What, doc: str = "", extra: str | None = None) -> ast.FunctionDef:
        """The function to be made: its tangents come first; ``extra`` is a second parameter that it does not use."""
        arguments = copy.deepcopy(self.node.args)
        first = arguments.posonlyargs or arguments.args
        first[:0] = [ast.arg(self._d(parameter)) for parameter in self.moving]
        if extra is not None:
            taken = extra in self._parameters or (extra in names_in(self.node) and not self._assignments[extra])
            first.insert(1, ast.arg(self.names.fresh(extra) if taken else extra))
        node = copy.copy(self.node)
        node.name, node.args, node.decorator_list, node.returns = called, arguments, [], None
        doc = doc or (f"The tangent of {self.name}." if what == "tangent" else f"{self.name} just left of the point.")
        body = self._tangent if what == "tangent" else self._body(what)
        node.body = [ast.Expr(ast.Constant(doc)), *without_unused(body)]
        return node

    @staticmethod
    def _positional(arguments: ast.arguments) -> list[ast.arg]:
        return arguments.posonlyargs + arguments.args

    def _known(self) -> tuple:
        tangents = {each: ast.dump(tangent) for each, tangent in self._calculus.tangents.items()}
        return tangents, set(self._calculus.unbounded), self.flat, self.unbounded

    def _d(self, target: str) -> str:
        """The name of a name's tangent."""
        return self.names.fresh(f"d_{target}")

    def _learn(self, target: str, tangent: ast.expr | None) -> None:
        """``target`` is given something with this tangent; one that is a number, always the same, needs no name."""
        if tangent is None:
            return
        known, tangents = self._calculus.tangents.get(target), self._calculus.tangents
        fixed = number(tangent) is not None and self._assignments[target] == 1 and target not in self._parameters
        fixed = fixed and (known is None or same(known, real(tangent)))
        tangents[target] = real(tangent) if fixed else name(self._d(target))
        if not fixed and self._calculus.may_overflow(tangent):
            self._calculus.unbounded.add(self._d(target))

    # Statements

    def _body(self, what: What) -> list[ast.stmt]:
        self._named.clear()
        body = self._block(self.node.body, what)
        beginnings = []
        for parameter in self._parameters:
            tangent = self._calculus.tangents.get(parameter)
            speed = self._speeds.get(parameter)
            if tangent is not None and number(tangent) is None and speed in (None, "one"):
                beginnings.append(_assign(self._d(parameter), ZERO if speed is None else ONE))
        return beginnings + body

    def _block(self, statements: Sequence[ast.stmt], what: What) -> list[ast.stmt]:
        return [new for statement in statements for new in self._statement(statement, what)]

    def _statement(self, statement: ast.stmt, what: What) -> Sequence[ast.stmt]:
        calculus = self._calculus
        calculus.line = statement.lineno
        match statement:
            case ast.Return(ast.expr() as value):
                value = calculus.left(value)
                tangent = calculus.tangent(value)
                self.flat = self.flat and tangent is None
                self.unbounded = self.unbounded or calculus.may_overflow(tangent)
                before, (result,) = self._once(real(tangent or ZERO) if what == "tangent" else value)
                return [*before, ast.Return(result)]
            case ast.Assign([ast.Name(target), *others], value) if all(isinstance(each, ast.Name) for each in others):
                copies = [new for each in others for new in self._assignment(names_in(each).pop(), name(target))]
                return [*self._assignment(target, value), *copies]
            case ast.AnnAssign(ast.Name(target), _, value):
                return self._assignment(target, value) if value is not None else []
            case ast.AugAssign(ast.Name(target), op, value):
                return self._assignment(target, ast.copy_location(ast.BinOp(name(target), op, value), statement))
            case ast.If(test, body, orelse):
                test = calculus.decision(test)
                return [ast.If(test, self._block(body, what), self._block(orelse, what))]
            case ast.While(test, body, orelse):
                test = calculus.decision(test)
                return [ast.While(test, self._block(body, what), self._block(orelse, what))]
            case ast.For(ast.Name(target)):
                return [self._loop(statement, target, what)]
            case ast.Expr(ast.Constant()) | ast.Pass():
                return []
            case ast.Break() | ast.Continue():
                return [statement]
        match statement:
            case ast.Assign():
                advice = "; give one name at a time a value"
            case ast.Expr(ast.Call(ast.Name("print"))):
                advice = ": take it out"
            case ast.Expr():
                advice = ", whose value goes nowhere: is a `return` missing?"
            case _:
                advice = ""
        text = ast.unparse(statement).splitlines()[0]
        raise calculus.obstacle(f"no derivative goes through `{text}`{advice}", statement)

    def _loop(self, statement: ast.For, target: str, what: What) -> ast.stmt:
        sequence = self._calculus.left(statement.iter)
        if self._calculus.tangent(sequence) is not None:
            raise self._calculus.obstacle(f"no derivative goes through `for ... in {ast.unparse(sequence)}`", statement)
        counted = [_assign(self._d(target), ZERO)] if target in self._calculus.tangents else []
        body, orelse = self._block(statement.body, what), self._block(statement.orelse, what)
        return ast.For(statement.target, sequence, [*counted, *body], orelse, lineno=0)

    def _assignment(self, target: str, value: ast.expr) -> list[ast.stmt]:
        value = self._calculus.left(value)
        tangent = self._calculus.tangent(value)
        self._learn(target, tangent)
        moving = self._calculus.tangents.get(target)
        if moving is None or number(moving) is not None:
            return [_assign(target, value)]
        tangent, d_target = real(tangent or ZERO), self._d(target)
        if target not in names_in(value):
            if not isinstance(value, ast.Name | ast.Constant):
                tangent = replaced(tangent, value, name(target))
            before, (value, tangent) = self._once(value, tangent, but=target)
            return [*before, _assign(target, value), _assign(d_target, tangent)]
        before, (value, tangent) = self._once(value, tangent)
        if d_target not in names_in(value):
            return [*before, _assign(d_target, tangent), _assign(target, value)]
        new = self.names.fresh(f"new_{d_target}")
        return [*before, _assign(new, tangent), _assign(target, value), _assign(d_target, name(new))]

    def _once(self, *trees: ast.expr, but: str = "") -> tuple[list[ast.stmt], list[ast.expr]]:
        """The expressions, and before them what gives names to calls that they would else make more than once.

        Calls that name ``but`` stay where they are.
        """
        values, results = calls_made_once(
            trees,
            lambda call: but not in names_in(call) and self._calculus.called(call) not in rules.CHEAP,
            self._name_for,
        )
        return [_assign(name, value) for name, value in values], results

    def _name_for(self, call: ast.Call) -> str:
        function = ast.unparse(call.func).rpartition(".")[2]
        self._named[function] += 1
        return self.names.fresh(f"{function}_{self._named[function]}")


def _assign(target: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(target, ast.Store())], value, lineno=0)
