"""Weak literals: in a function compiled for float32, Python numbers take the precision of what they meet.

Numba types ``1.0`` as float64 and ``1`` as int64, so ``1 / (1 + exp(-z))`` would be computed in float64 at half the
vector width. This pass over Numba's IR, before type inference, makes float constants float32, and integer constants
float32 where they are returned or meet a floating-point value: in arithmetic, a comparison, ``min``, ``max`` or a
function of ``math``, or as the other value of a ternary or a variable. Indices and counts stay integers.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numba.core import ir, types
from numba.core.compiler_machinery import FunctionPass, register_pass

from workbench.jit import vecmath

# Not pow: an integer exponent is exact and cheap, a float one is a library call.
_ARITHMETIC = frozenset(
    (operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod)
    + (operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ifloordiv, operator.imod)
)
_COMPARISONS = frozenset((operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne))
_YES_OR_NO = _COMPARISONS | {operator.not_, operator.contains, operator.is_, operator.is_not}
_EXTREMES = (min, max, np.minimum, np.maximum)
_WHOLE = (
    (len, int, bool, range, enumerate, round, math.floor, math.ceil, math.trunc, np.argmax, np.argmin, np.argsort)
    + (math.isnan, math.isinf, math.isfinite, np.isnan, np.isinf, np.isfinite)
)  # fmt: skip


@register_pass(mutates_CFG=False, analysis_only=False)
class WeakLiterals(FunctionPass):
    _name = "workbench_weak_literals"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        kinds = [k.dtype if isinstance(k, types.Array) else k for k in state.args]
        if types.float32 not in kinds or types.float64 in kinds:
            return False
        statements = [s for block in state.func_ir.blocks.values() for s in block.body]
        assignments = [s for s in statements if isinstance(s, ir.Assign)]
        for statement in assignments:
            _write_default(statement, kinds)
            if _is_literal(statement.value, float):
                _weaken(statement)
        floating = _Variables(statements, kinds).floating()
        for statement in assignments:
            if _is_literal(statement.value, int) and statement.target.name in floating:
                _weaken(statement)
        return True


def _write_default(statement: ir.Assign, kinds: Sequence[Any]) -> None:
    """What a parameter takes by default is a literal as well."""
    kind = kinds[statement.value.index] if isinstance(statement.value, ir.Arg) else None
    if isinstance(kind, types.misc.Omitted) and type(kind.value) in (int, float):
        statement.value = ir.Const(kind.value, statement.loc)


def _is_literal(value: Any, kind: type) -> bool:
    return isinstance(value, ir.Const | ir.Global | ir.FreeVar) and type(value.value) is kind


def _weaken(statement: ir.Assign) -> None:
    # Not a constant: in arithmetic on whole arrays Numba writes these as Python text, which knows no float32.
    statement.value = ir.Global("number", np.float32(statement.value.value), statement.value.loc)


def _copied(value: Any) -> str | None:
    """Name of the variable whose value is passed on as it is."""
    if isinstance(value, ir.Expr) and value.op == "cast":
        value = value.value
    return value.name if isinstance(value, ir.Var) else None


class _Variables:
    """What the variables of a function hold, as far as that shows before types are inferred; all by name."""

    def __init__(self, statements: Sequence[ir.Stmt], kinds: Sequence[Any]) -> None:
        self.statements, self.kinds = statements, kinds
        self.assignments = [s for s in statements if isinstance(s, ir.Assign)]
        self.known: dict[str, Any] = {}  # globals, and attributes of modules
        for statement in self.assignments:
            value = statement.value
            if isinstance(value, ir.Const | ir.Global | ir.FreeVar):
                self.known[statement.target.name] = value.value
            elif isinstance(value, ir.Expr) and value.op == "getattr" and value.value.name in self.known:
                self.known[statement.target.name] = getattr(self.known[value.value.name], value.attr, None)

    def floating(self) -> set[str]:
        """Those that hold a float, or an array of floats, and those of literals that meet one."""
        literals = self._literals()
        meetings = [self._meeting(statement) for statement in self.assignments]
        floating = literals & {s.value.name for s in self.statements if isinstance(s, ir.Return)}
        while True:
            before = len(floating)
            floating |= {s.target.name for s in self.assignments if self._is_float(s, floating)}
            for names in meetings:
                if names & floating:
                    floating |= names & literals
            if len(floating) == before:
                return floating

    def _literals(self) -> set[str]:
        """Those that hold nothing but integer literals, and have no use but in meetings."""
        found = {s.target.name for s in self.assignments}
        for statement in self.statements:
            if isinstance(statement, ir.Return) or _is_literal(getattr(statement, "value", None), int):
                continue
            found -= {v.name for v in statement.list_vars()} - self._meeting(statement)
        while True:
            mixed = {s.target.name for s in self.assignments if (name := _copied(s.value)) and name not in found}
            if not mixed & found:
                return found
            found -= mixed

    def _meeting(self, statement: ir.Stmt) -> set[str]:
        """Those that this statement wants to be of one type."""
        if not isinstance(statement, ir.Assign):
            return set()
        target, value = statement.target.name, statement.value
        if copied := _copied(value):
            return {target, copied}
        op = value.op if isinstance(value, ir.Expr) else ""
        if op in ("binop", "inplace_binop") and value.fn in _ARITHMETIC | _COMPARISONS:
            return {value.lhs.name, value.rhs.name}
        if op == "call" and any(self._called(value) is f for f in _EXTREMES):
            return {argument.name for argument in value.args}
        if op == "call" and self._is_maths(value):
            return {target, *(argument.name for argument in value.args)}
        return set()

    def _is_float(self, statement: ir.Assign, floating: set[str]) -> bool:
        value = statement.value
        known = self.known.get(statement.target.name)
        if isinstance(known, np.floating | np.ndarray):
            return isinstance(known, np.floating) or known.dtype.kind == "f"
        if isinstance(value, ir.Arg):
            return isinstance(self.kinds[value.index], types.Float)
        if copied := _copied(value):
            return copied in floating
        op = value.op if isinstance(value, ir.Expr) else ""
        if op in ("getitem", "static_getitem", "getiter", "iternext", "pair_first", "exhaust_iter"):
            return value.value.name in floating
        if op in ("binop", "inplace_binop", "unary"):
            return value.fn not in _YES_OR_NO and any(v.name in floating for v in value.list_vars())
        if op == "call":
            whole = any(self._called(value) is f for f in _WHOLE)
            return not whole and (self._is_maths(value) or any(v.name in floating for v in value.list_vars()))
        return False

    def _called(self, call: ir.Expr) -> Any:
        return self.known.get(call.func.name)

    def _is_maths(self, call: ir.Expr) -> bool:
        return getattr(self._called(call), "py_func", None) in vecmath.FUNCTIONS["float32"].values()
