"""What a compiled kernel needs and Python cannot say: memory at an address, an indirect call, a barrier."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

I64 = ir.IntType(64)
_WORD = types.int64


def _pointer_type(kind: types.Type) -> Any:
    @intrinsic
    def at(typing_context: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(_WORD), generate

    return at


float32_at = _pointer_type(types.float32)
float64_at = _pointer_type(types.float64)
int64_at = _pointer_type(types.int64)


@intrinsic
def address_of(typing_context: Any, array: Any) -> Any:
    """The address of an array's first element."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, I64)

    return _WORD(array), generate


@intrinsic
def as_float(typing_context: Any, bits: Any) -> Any:
    """The float64 whose bits an int64 holds."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(_WORD), generate


@intrinsic
def as_bits(typing_context: Any, value: Any) -> Any:
    """The bits of a float64 as an int64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], I64)

    return _WORD(types.float64), generate


@intrinsic
def call_kernel(typing_context: Any, function: Any, row: Any, record: Any) -> Any:
    """Call the kernel at address ``function`` with two addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [I64, I64])
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(_WORD, _WORD, _WORD), generate


@intrinsic
def atomic_add(typing_context: Any, address: Any, value: Any) -> Any:
    """Add to the int64 at an address, sequentially consistent; returns what it held before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I64.as_pointer())
        return builder.atomic_rmw("add", pointer, arguments[1], "seq_cst")

    return _WORD(_WORD, _WORD), generate


@intrinsic
def atomic_load(typing_context: Any, address: Any) -> Any:
    """The int64 at an address, sequentially consistent."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], I64.as_pointer())
        return builder.load_atomic(pointer, "seq_cst", 8)

    return _WORD(_WORD), generate


@intrinsic
def yield_processor(typing_context: Any) -> Any:
    """Let another thread run: a waiting thread must not starve the one it waits for."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate
