"""A function that returns a number on some ways and nothing on others is refused.

Numba would compile it, to what is either a number or nothing, and the loop around it would fail only where it comes to
nothing. Plain Python fails there, too, but says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numba.core import errors, ir
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.ir_utils import get_definition, guard


@register_pass(mutates_CFG=False, analysis_only=True)
class ConsistentReturns(FunctionPass):
    _name = "workbench_consistent_returns"

    def __init__(self) -> None:
        super().__init__()

    def run_pass(self, state: Any) -> bool:
        returned = list(_returned(state.func_ir))
        lines = sorted(loc.line for loc, something in returned if something)
        if lines and len(lines) < len(returned):
            raise errors.TypingError(f"Missing return besides that of line {lines[0]}", state.func_ir.loc)
        return False


def _returned(function: ir.FunctionIR) -> Iterator[tuple[ir.Loc, bool]]:
    """Where it returns, and whether it returns something."""
    for block in function.blocks.values():
        for statement in block.find_insts(ir.Return):
            value: Any = guard(get_definition, function, statement.value)  # None: one of several
            while getattr(value, "op", "") == "cast":
                value = guard(get_definition, function, value.value)
            yield statement.loc, not (isinstance(value, ir.Const) and value.value is None)
