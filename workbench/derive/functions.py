"""A function of the author's, statement by statement, and its derivative as a function of the same kind."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any, Literal

from workbench.derive import rules
from workbench.derive.calculus import Calculus, Part, Speed
from workbench.derive.expressions import ONE, ZERO, name, names_in, number, real, replaced, same
from workbench.derive.names import Names
from workbench.derive.source import Underivable, Written, definition, made

What = Literal["tangent", "value"]


class Derived:
    """A function whose parameters move at these speeds: its tangent, and its value just left of the point.

    A name moves if it is ever given something that does; then every assignment to it comes with one to its tangent.
    """

    def __init__(self, derivation: Derivation, function: FunctionType, speeds: Mapping[str, Speed]) -> None:
        self.function, self.node = function, definition(function)
        self.name = function.__name__.strip("<>")
        self.names = Names(function, self.node)
        self.moving = [parameter for parameter, speed in speeds.items() if speed != "one"]
        self.flat, self.unbounded = True, False
        self._speeds = speeds
        self._calculus = Calculus(self.names, derivation.derived, derivation.name_of)
        self._assignments = Counter(
            node.id for node in ast.walk(self.node) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        )
        self._parameters = [each.arg for each in (*self._positional(self.node.args), *self.node.args.kwonlyargs)]
        self._hoisted: Counter[str] = Counter()  # of each function, calls that were given a name so far
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
        node.body = [
            ast.Expr(ast.Constant(doc)),
            *_without_unused(self._tangent if what == "tangent" else self._body(what)),
        ]
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
        """``target`` is given something with this tangent, and may be so for the first time."""
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
        self._hoisted.clear()
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
                before, (result,) = self._named(real(tangent or ZERO) if what == "tangent" else value)
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
        advice = "; give one name at a time a value" if isinstance(statement, ast.Assign) else ""
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
            before, (value, tangent) = self._named(value, tangent, but=target)
            return [*before, _assign(target, value), _assign(d_target, tangent)]
        before, (value, tangent) = self._named(value, tangent)
        if d_target not in names_in(value):
            return [*before, _assign(d_target, tangent), _assign(target, value)]
        new = self.names.fresh(f"new_{d_target}")
        return [*before, _assign(new, tangent), _assign(target, value), _assign(d_target, name(new))]

    def _named(self, *trees: ast.expr, but: str = "") -> tuple[list[ast.stmt], list[ast.expr]]:
        """Assignments of the calls that would else be made more than once, and the expressions to come after them.

        Calls that name ``but`` stay where they are.
        """
        values: list[tuple[str, ast.expr]] = []
        results = list(trees)
        while True:
            calls = [found for tree in (*results, *(value for _, value in values)) for found in _calls(tree)]
            times = Counter(ast.dump(call) for call, _ in calls)
            repeated = [
                call for call, certain in calls
                if certain and times[ast.dump(call)] > 1 and but not in names_in(call)
                and self._calculus.called(call) not in rules.CHEAP
            ]  # fmt: skip
            if not repeated:
                return [_assign(*each) for each in values], results
            largest = max(repeated, key=lambda call: len(ast.dump(call)))
            function = ast.unparse(largest.func).rpartition(".")[2]
            self._hoisted[function] += 1
            by = self.names.fresh(f"{function}_{self._hoisted[function]}")
            results = [replaced(tree, largest, name(by)) for tree in results]
            values = [(by, largest), *((other, replaced(value, largest, name(by))) for other, value in values)]


def _assign(target: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(target, ast.Store())], value, lineno=0)


def _calls(tree: ast.AST, certain: bool = True) -> Iterator[tuple[ast.Call, bool]]:
    """Every call in an expression, and whether it is made whatever is decided."""
    if isinstance(tree, ast.Call):
        yield tree, certain
    first = {ast.IfExp: "test", ast.BoolOp: "values", ast.Compare: "left"}.get(type(tree))
    for field, value in ast.iter_fields(tree):
        for i, part in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(part, ast.AST):
                yield from _calls(part, certain and (first is None or (field == first and i == 0)))


def _without_unused(statements: list[ast.stmt]) -> list[ast.stmt]:
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


class Derivation:
    """The derivative of one function, and of whatever it calls."""

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
            self._derived[key] = Derived(self, function, speeds)
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
