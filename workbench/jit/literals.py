"""Weak literals: in a function compiled for float32, Python numbers take the precision of what they meet.

Numba types ``1.0`` as float64 and ``1`` as int64, so ``1 / (1 + exp(-z))`` would be computed in float64 at half the
vector width. This pass over Numba's IR, before type inference, makes float constants float32, and integer constants
float32 where their partner in an arithmetic expression is a floating-point value. Indices and counts stay integers.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numba.core import ir, types
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.untyped_passes import IRProcessing

# Not pow: an integer exponent is exact and cheap, a float one is a library call.
_ARITHMETIC = frozenset(
    (operator.add, operator.sub, operator.mul, operator.truediv)
    + (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne)
    + (operator.iadd, operator.isub, operator.imul, operator.itruediv)
)
_CONSTANTS = (ir.Const, ir.Global, ir.FreeVar)


def _is_float(kind: Any) -> bool:
    return isinstance(kind.dtype if isinstance(kind, types.Array) else kind, types.Float)


@register_pass(mutates_CFG=False, analysis_only=False)
class WeakLiterals(FunctionPass):
    _name = "workbench_weak_literals"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        kinds = [k.dtype if isinstance(k, types.Array) else k for k in state.args if _is_float(k)]
        if types.float32 not in kinds or types.float64 in kinds:
            return False
        assignments = [s for block in state.func_ir.blocks.values() for s in block.body if isinstance(s, ir.Assign)]
        for statement in assignments:
            if isinstance(statement.value, _CONSTANTS) and type(statement.value.value) is float:
                _weaken(statement)
        floating = _floating_variables(assignments, state)
        integers = {
            s.target.name: s for s in assignments if isinstance(s.value, _CONSTANTS) and type(s.value.value) is int
        }
        for statement in assignments:
            if _is_arithmetic(statement.value):
                left, right = statement.value.lhs.name, statement.value.rhs.name
                for one, other in ((left, right), (right, left)):
                    if one in integers and other in floating:
                        _weaken(integers.pop(one))
        return True


def _weaken(statement: ir.Assign) -> None:
    statement.value = ir.Const(np.float32(statement.value.value), statement.value.loc)


def _is_arithmetic(value: Any) -> bool:
    return isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop") and value.fn in _ARITHMETIC


def _floating_variables(assignments: list[ir.Assign], state: Any) -> set[str]:
    """Names of the variables that hold a float, or an array of floats, by forward propagation to a fixed point."""
    floating: set[str] = set()
    while True:
        before = len(floating)
        for statement in assignments:
            value = statement.value
            if isinstance(value, ir.Arg):
                found = _is_float(state.args[value.index])
            elif isinstance(value, ir.Const):
                found = isinstance(value.value, np.floating)
            elif isinstance(value, ir.Var):
                found = value.name in floating
            elif isinstance(value, ir.Expr) and value.op in ("getitem", "static_getitem"):
                found = value.value.name in floating
            elif isinstance(value, ir.Expr) and value.op in ("binop", "inplace_binop", "unary", "call", "phi", "cast"):
                found = any(v.name in floating for v in value.list_vars()) and value.op != "getattr"
            else:
                found = False
            if found:
                floating.add(statement.target.name)
        if len(floating) == before:
            return floating


class WeakLiteralsCompiler(CompilerBase):
    """Numba's own pipeline with the pass above."""

    def define_pipelines(self) -> list[Any]:
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.add_pass_after(WeakLiterals, IRProcessing)
        pipeline.finalize()
        return [pipeline]
