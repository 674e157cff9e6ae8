"""Inner loops written as LLVM IR: a tile of a product kept in registers, a square transposed in registers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from workbench.jit.intrinsics import I64

_FEATURES = llvmlite.binding.get_host_cpu_features()
# Accumulators (ROWS x VECTORS), VECTORS of B and one broadcast should fit the registers: 32 of AVX-512 and NEON, 16 of
# AVX2. What has neither runs as NEON does, with some of them in memory where it has only 16.
VECTOR_BYTES, ROWS = (64, 8) if _FEATURES.get("avx512f") else (32, 6) if _FEATURES.get("avx2") else (16, 8)
VECTORS = 2
SIZE = {"float32": 4, "float64": 8}

ELEMENTS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}


def micro_kernel(dtype: str, rows: int, vectors: int) -> Any:
    """An intrinsic ``(a, a_rows, steps, b, b_step, c, c_rows, bias, depth, columns, accumulate)``.

    c[c_rows[r] + j] = (c[c_rows[r] + j] if accumulate, else bias[j], or 0 where bias is 0)
    + sum over p < depth of a[a_rows[r] + steps[p]] b[p b_step + j], for ``rows`` rows and j < ``columns``, at most
    ``vectors`` SIMD registers. Addresses are in bytes, tables of int64 and strides in elements. One broadcast of A and
    ``vectors`` loads of B feed ``rows * vectors`` fused multiply-adds, whose sums stay in registers.
    """
    element, lanes = ELEMENTS[dtype], VECTOR_BYTES // SIZE[dtype]
    vector, mask = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(1), lanes)
    suffix = f"v{lanes}f{8 * SIZE[dtype]}"

    def declare(module: Any, name: str, result: Any, arguments: list[Any]) -> Any:
        return cgutils.get_or_insert_function(module, ir.FunctionType(result, arguments), name)

    def build(module: Any, function: Any) -> None:
        entry = function.append_basic_block("entry")
        onto, fresh = function.append_basic_block("onto"), function.append_basic_block("fresh")
        shifted, start = function.append_basic_block("shifted"), function.append_basic_block("start")
        loop, done = function.append_basic_block("loop"), function.append_basic_block("done")
        builder = ir.IRBuilder(entry)
        a, a_rows, steps, b, b_step, c, c_rows, bias, depth, columns, accumulate = function.args
        pointer, table = element.as_pointer(), I64.as_pointer()
        fma = declare(module, f"llvm.fma.{suffix}", vector, [vector] * 3)
        load = declare(
            module, f"llvm.masked.load.{suffix}.p0", vector, [vector.as_pointer(), ir.IntType(32), mask, vector]
        )
        store = declare(module, f"llvm.masked.store.{suffix}.p0", ir.VoidType(),
                        [vector, vector.as_pointer(), ir.IntType(32), mask])  # fmt: skip
        zero, align = ir.Constant(vector, [0.0] * lanes), ir.Constant(ir.IntType(32), SIZE[dtype])

        def splat(value: Any, kind: Any) -> Any:
            undefined = ir.Constant(kind, ir.Undefined)
            first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(
                first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            )

        def vector_at(base: Any, offset: Any) -> Any:
            return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

        def entry_of(at: Any, i: int) -> Any:
            return builder.load(builder.gep(at, [ir.Constant(I64, i)]))

        at_a, at_b, at_c, at_bias = (builder.inttoptr(x, pointer) for x in (a, b, c, bias))
        at_rows, at_places, at_steps = (builder.inttoptr(x, table) for x in (a_rows, c_rows, steps))
        lane_type = ir.VectorType(I64, lanes)
        room = splat(columns, lane_type)
        masks = [
            builder.icmp_signed("<", ir.Constant(lane_type, [v * lanes + i for i in range(lanes)]), room)
            for v in range(vectors)
        ]
        row_pointers = [builder.gep(at_a, [entry_of(at_rows, r)]) for r in range(rows)]
        places = [entry_of(at_places, r) for r in range(rows)]
        tile = [
            vector_at(at_c, builder.add(place, ir.Constant(I64, v * lanes))) for place in places for v in range(vectors)
        ]
        builder.cbranch(builder.icmp_signed("!=", accumulate, ir.Constant(I64, 0)), onto, fresh)
        builder.position_at_end(onto)
        from_c = [builder.call(load, [p, align, masks[i % vectors], zero]) for i, p in enumerate(tile)]
        builder.branch(start)
        builder.position_at_end(fresh)
        builder.cbranch(builder.icmp_signed("!=", bias, ir.Constant(I64, 0)), shifted, start)
        builder.position_at_end(shifted)
        from_bias = [
            builder.call(load, [vector_at(at_bias, ir.Constant(I64, v * lanes)), align, masks[v], zero])
            for v in range(vectors)
        ]
        builder.branch(start)
        builder.position_at_end(start)
        initial = []
        for i, value in enumerate(from_c):
            phi = builder.phi(vector)
            phi.add_incoming(value, onto)
            phi.add_incoming(zero, fresh)
            phi.add_incoming(from_bias[i % vectors], shifted)
            initial.append(phi)
        builder.branch(loop)

        builder.position_at_end(loop)
        p, next_b = builder.phi(I64), builder.phi(pointer)
        p.add_incoming(ir.Constant(I64, 0), start)
        next_b.add_incoming(at_b, start)
        accumulators = []
        for value in initial:
            phi = builder.phi(vector)
            phi.add_incoming(value, start)
            accumulators.append(phi)
        of_b = [builder.load(vector_at(next_b, ir.Constant(I64, v * lanes)), align=SIZE[dtype]) for v in range(vectors)]
        step = builder.load(builder.gep(at_steps, [p]))
        sums = []
        for r in range(rows):
            of_a = splat(builder.load(builder.gep(row_pointers[r], [step]), align=SIZE[dtype]), vector)
            sums += [builder.call(fma, [of_a, of_b[v], accumulators[r * vectors + v]]) for v in range(vectors)]
        following = builder.add(p, ir.Constant(I64, 1))
        p.add_incoming(following, loop)
        next_b.add_incoming(builder.gep(next_b, [b_step]), loop)
        for phi, value in zip(accumulators, sums, strict=True):
            phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, done)

        builder.position_at_end(done)
        for i, (value, at) in enumerate(zip(sums, tile, strict=True)):
            builder.call(store, [value, at, align, masks[i % vectors]])
        builder.ret_void()

    @intrinsic
    def kernel(
        typing_context: Any, a: Any, a_rows: Any, steps: Any, b: Any, b_step: Any, c: Any, c_rows: Any, bias: Any,
        depth: Any, columns: Any, accumulate: Any,
    ) -> Any:  # fmt: skip
        return calling(f"workbench_{rows}x{vectors}_{dtype}", 11, build)

    return kernel


def transpose_tile(dtype: str) -> Any:
    """An intrinsic ``(source, source_row, target, target_row)``: a square tile, transposed in registers.

    Stage by stage, halves, quarters, ... of pairs of rows change places: log2(lanes) shuffles a row instead of one
    load a number.
    """
    element, lanes = ELEMENTS[dtype], VECTOR_BYTES // SIZE[dtype]
    vector, indices = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(32), lanes)

    def build(module: Any, function: Any) -> None:
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        source, source_row, target, target_row = function.args
        source, target = (builder.inttoptr(x, element.as_pointer()) for x in (source, target))

        def row_at(base: Any, stride: Any, i: int) -> Any:
            offset = builder.mul(stride, ir.Constant(I64, i))
            return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

        rows = [builder.load(row_at(source, source_row, i), align=SIZE[dtype]) for i in range(lanes)]
        rows = transposed(builder, rows, indices)
        for i, row in enumerate(rows):
            builder.store(row, row_at(target, target_row, i), align=SIZE[dtype])
        builder.ret_void()

    @intrinsic
    def transpose(typing_context: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
        return calling(f"workbench_transpose_{dtype}", 4, build)

    return transpose


def transposed(builder: Any, rows: list[Any], indices: Any) -> list[Any]:
    """A square of numbers, one vector a row, as one vector a column."""
    rows, lanes = list(rows), len(rows)
    half = lanes // 2
    while half:
        low = ir.Constant(indices, [j if not j & half else lanes + j - half for j in range(lanes)])
        high = ir.Constant(indices, [j + half if not j & half else lanes + j for j in range(lanes)])
        for i in range(lanes):
            if not i & half:
                a, b = rows[i], rows[i + half]
                rows[i], rows[i + half] = builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high)
        half //= 2
    return rows


def calling(
    name: str, count: int, build: Callable[[Any, Any], None], result: Any = types.void, inline: bool = False
) -> tuple[Any, Any]:
    """What an intrinsic returns that calls a function of ``count`` words, built once in every module that needs it.

    ``result``: int64, or void. ``inline``: a short one, for which the call would be what takes long.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType() if result is types.void else I64, [I64] * count)
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        if function.is_declaration:
            function.linkage = "internal"
            function.attributes.add("alwaysinline" if inline else "noinline")
            build(builder.module, function)
        returned = builder.call(function, arguments)
        return context.get_dummy_value() if result is types.void else returned

    return result(*[types.int64] * count), generate


def stack(size: int) -> Any:
    """An intrinsic giving the address of ``size`` bytes on the stack, aligned for vectors, not cleared."""

    @intrinsic
    def space(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            with builder.goto_entry_block():
                memory = builder.alloca(ir.ArrayType(ir.IntType(8), size))
            memory.align = VECTOR_BYTES
            return builder.ptrtoint(memory, I64)

        return types.int64(), generate

    return space
