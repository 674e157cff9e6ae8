"""Matrix products from register-blocked micro-kernels, written as LLVM IR.

A micro-kernel keeps a tile of C, ``rows`` x ``vectors`` SIMD registers, in registers while it runs over k: one
broadcast of A and ``vectors`` loads of B feed ``rows * vectors`` fused multiply-adds. Strides and k are run-time
arguments, so one set of kernels serves every shape. The blocking around it (after Goto and van de Geijn, "Anatomy of
high-performance matrix multiplication", 2008) packs a panel of B into the first-level cache. Every element of C is
summed over k in the same order whatever the shape, so results do not depend on how rows were divided among threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from workbench.jit.cache import specialise
from workbench.jit.intrinsics import I64, address_of, float32_at, float64_at
from workbench.jit.retarget import replace_function

_FEATURES = llvmlite.binding.get_host_cpu_features()
# Accumulators (ROWS x VECTORS), VECTORS of B and one broadcast must fit the registers: 32 of AVX-512 and NEON, else 16.
VECTOR_BYTES, ROWS = (64, 8) if _FEATURES.get("avx512f") else (32, 6) if _FEATURES.get("avx2") else (16, 8)
VECTORS = 2
DEPTH = 128  # k block: a panel of B (DEPTH x VECTORS x 64 bytes = 16 KB) stays in the first-level cache
BLOCK = 128  # rows of A packed at a time when A is read against the grain

_ELEMENTS = {"float32": ir.FloatType(), "float64": ir.DoubleType()}
_SIZE = {"float32": 4, "float64": 8}


def _micro_kernel(dtype: str, rows: int, vectors: int) -> Any:
    """An intrinsic ``(a, a_row, a_k, b, b_k, c, c_row, k, columns, accumulate)``; strides in elements, C masked."""
    element, lanes = _ELEMENTS[dtype], VECTOR_BYTES // _SIZE[dtype]
    vector, mask = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(1), lanes)
    suffix = f"v{lanes}f{8 * _SIZE[dtype]}"
    function_type = ir.FunctionType(ir.VoidType(), [I64] * 10)

    def declare(module: Any, name: str, result: Any, arguments: list[Any]) -> Any:
        return cgutils.get_or_insert_function(module, ir.FunctionType(result, arguments), name)

    def build(module: Any, function: Any) -> None:
        entry = function.append_basic_block("entry")
        loop, done = function.append_basic_block("loop"), function.append_basic_block("done")
        start, after = function.append_basic_block("start"), function.append_basic_block("after")
        builder = ir.IRBuilder(entry)
        a, a_row, a_k, b, b_k, c, c_row, k, columns, accumulate = function.args
        pointer = element.as_pointer()
        fma = declare(module, f"llvm.fma.{suffix}", vector, [vector] * 3)
        load = declare(
            module, f"llvm.masked.load.{suffix}.p0", vector, [vector.as_pointer(), ir.IntType(32), mask, vector]
        )
        store = declare(module, f"llvm.masked.store.{suffix}.p0", ir.VoidType(),
                        [vector, vector.as_pointer(), ir.IntType(32), mask])  # fmt: skip
        zero, align = ir.Constant(vector, [0.0] * lanes), ir.Constant(ir.IntType(32), _SIZE[dtype])

        def splat(value: Any, kind: Any) -> Any:
            undefined = ir.Constant(kind, ir.Undefined)
            first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(
                first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
            )

        def vector_at(base: Any, offset: Any) -> Any:
            return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

        at_a, at_b, at_c = (builder.inttoptr(x, pointer) for x in (a, b, c))
        lane_type = ir.VectorType(I64, lanes)
        room = splat(columns, lane_type)
        masks = [
            builder.icmp_signed("<", ir.Constant(lane_type, [v * lanes + i for i in range(lanes)]), room)
            for v in range(vectors)
        ]
        tile = [
            vector_at(at_c, builder.add(builder.mul(c_row, ir.Constant(I64, r)), ir.Constant(I64, v * lanes)))
            for r in range(rows)
            for v in range(vectors)
        ]
        row_offsets = [builder.mul(a_row, ir.Constant(I64, r)) for r in range(rows)]
        builder.cbranch(builder.icmp_signed("!=", accumulate, ir.Constant(I64, 0)), start, after)
        builder.position_at_end(start)
        loaded = [builder.call(load, [p, align, masks[i % vectors], zero]) for i, p in enumerate(tile)]
        builder.branch(after)
        builder.position_at_end(after)
        initial = []
        for value in loaded:
            phi = builder.phi(vector)
            phi.add_incoming(zero, entry)
            phi.add_incoming(value, start)
            initial.append(phi)
        builder.branch(loop)

        builder.position_at_end(loop)
        step, next_a, next_b = builder.phi(I64), builder.phi(pointer), builder.phi(pointer)
        for phi, first in ((step, ir.Constant(I64, 0)), (next_a, at_a), (next_b, at_b)):
            phi.add_incoming(first, after)
        accumulators = []
        for value in initial:
            phi = builder.phi(vector)
            phi.add_incoming(value, after)
            accumulators.append(phi)
        of_b = [
            builder.load(vector_at(next_b, ir.Constant(I64, v * lanes)), align=_SIZE[dtype]) for v in range(vectors)
        ]
        sums = []
        for r in range(rows):
            of_a = splat(builder.load(builder.gep(next_a, [row_offsets[r]]), align=_SIZE[dtype]), vector)
            sums += [builder.call(fma, [of_a, of_b[v], accumulators[r * vectors + v]]) for v in range(vectors)]
        following = builder.add(step, ir.Constant(I64, 1))
        step.add_incoming(following, loop)
        next_a.add_incoming(builder.gep(next_a, [a_k]), loop)
        next_b.add_incoming(builder.gep(next_b, [b_k]), loop)
        for phi, value in zip(accumulators, sums, strict=True):
            phi.add_incoming(value, loop)
        builder.cbranch(builder.icmp_signed("<", following, k), loop, done)

        builder.position_at_end(done)
        for i, (value, p) in enumerate(zip(sums, tile, strict=True)):
            builder.call(store, [value, p, align, masks[i % vectors]])
        builder.ret_void()

    @intrinsic
    def micro_kernel(
        typing_context: Any, a: Any, a_row: Any, a_k: Any, b: Any, b_k: Any, c: Any, c_row: Any, k: Any, columns: Any,
        accumulate: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            function = cgutils.get_or_insert_function(
                builder.module, function_type, f"workbench_{rows}x{vectors}_{dtype}"
            )
            if function.is_declaration:
                function.linkage = "internal"
                function.attributes.add("noinline")
                build(builder.module, function)
            builder.call(function, arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 10), generate

    return micro_kernel


def _transpose_tile(dtype: str) -> Any:
    """An intrinsic ``(source, source_row, target, target_row)``: a square tile, transposed in registers.

    Stage by stage, halves, quarters, ... of pairs of rows change places: log2(lanes) shuffles a row instead of one
    load a number.
    """
    element, lanes = _ELEMENTS[dtype], VECTOR_BYTES // _SIZE[dtype]
    vector, indices = ir.VectorType(element, lanes), ir.VectorType(ir.IntType(32), lanes)

    def build(module: Any, function: Any) -> None:
        builder = ir.IRBuilder(function.append_basic_block("entry"))
        source, source_row, target, target_row = function.args
        source, target = (builder.inttoptr(x, element.as_pointer()) for x in (source, target))

        def row_at(base: Any, stride: Any, i: int) -> Any:
            offset = builder.mul(stride, ir.Constant(I64, i))
            return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

        rows = [builder.load(row_at(source, source_row, i), align=_SIZE[dtype]) for i in range(lanes)]
        half = lanes // 2
        while half:
            low = ir.Constant(indices, [j if not j & half else lanes + j - half for j in range(lanes)])
            high = ir.Constant(indices, [j + half if not j & half else lanes + j for j in range(lanes)])
            for i in range(lanes):
                if not i & half:
                    a, b = rows[i], rows[i + half]
                    rows[i], rows[i + half] = builder.shuffle_vector(a, b, low), builder.shuffle_vector(a, b, high)
            half //= 2
        for i, row in enumerate(rows):
            builder.store(row, row_at(target, target_row, i), align=_SIZE[dtype])
        builder.ret_void()

    @intrinsic
    def transpose_tile(typing_context: Any, source: Any, source_row: Any, target: Any, target_row: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [I64] * 4)
            function = cgutils.get_or_insert_function(builder.module, kind, f"workbench_transpose_{dtype}")
            if function.is_declaration:
                function.linkage = "internal"
                build(builder.module, function)
            builder.call(function, arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), generate

    return transpose_tile


def _stack(dtype: str, count: int) -> Any:
    """An intrinsic giving the address of ``count`` elements on the stack, aligned for vectors."""

    @intrinsic
    def stack(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            with builder.goto_entry_block():
                space = builder.alloca(ir.ArrayType(_ELEMENTS[dtype], count))
            space.align = VECTOR_BYTES
            return builder.ptrtoint(space, I64)

        return types.int64(), generate

    return stack


def _template(dtype: str) -> Callable:
    """``gemm`` for one precision: C = A B with any strides of A and B, C's columns contiguous; addresses in bytes."""
    size, lanes = _SIZE[dtype], VECTOR_BYTES // _SIZE[dtype]
    width = VECTORS * lanes
    at = {"float32": float32_at, "float64": float64_at}[dtype]
    full_wide, k4x2, k2x2, k1x2 = (_micro_kernel(dtype, r, 2) for r in (ROWS, 4, 2, 1))
    full_narrow, k4x1, k2x1, k1x1 = (_micro_kernel(dtype, r, 1) for r in (ROWS, 4, 2, 1))
    transpose_tile = _transpose_tile(dtype)
    panel_space, block_space = _stack(dtype, DEPTH * width), _stack(dtype, DEPTH * BLOCK)
    zero = {"float32": types.float32, "float64": types.float64}[dtype](0)

    def pack_panel(b: int, b_row: int, b_col: int, k: int, columns: int, panel: int) -> None:
        source, target = at(b), at(panel)
        if b_row == 1:
            tiled_k, tiled_columns = k - k % lanes, columns - columns % lanes
            for j in range(0, tiled_columns, lanes):
                for p in range(0, tiled_k, lanes):
                    transpose_tile(b + (j * b_col + p) * size, b_col, panel + (p * width + j) * size, width)
            for j in range(columns):
                for p in range(tiled_k if j < tiled_columns else 0, k):
                    target[p * width + j] = source[j * b_col + p]
        else:
            for p in range(k):
                for j in range(columns):
                    target[p * width + j] = source[p * b_row + j * b_col]
        if columns < width:
            for p in range(k):
                for j in range(columns, width):
                    target[p * width + j] = zero

    def pack_block(a: int, a_row: int, a_col: int, rows: int, k: int, block: int) -> None:
        source, target = at(a), at(block)
        for p in range(k):
            for i in range(rows):
                target[p * BLOCK + i] = source[i * a_row + p * a_col]

    def tiles(
        a: int, a_row: int, a_k: int, b: int, b_k: int, c: int, c_row: int, m: int, k: int, columns: int, add: int
    ) -> None:
        i = 0
        narrow = columns <= lanes
        while i < m:
            left = m - i
            at_a, at_c = a + i * a_row * size, c + i * c_row * size
            if left >= ROWS:
                if narrow:
                    full_narrow(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                else:
                    full_wide(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                i += ROWS
            elif left >= 4:
                if narrow:
                    k4x1(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                else:
                    k4x2(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                i += 4
            elif left >= 2:
                if narrow:
                    k2x1(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                else:
                    k2x2(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                i += 2
            else:
                if narrow:
                    k1x1(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                else:
                    k1x2(at_a, a_row, a_k, b, b_k, at_c, c_row, k, columns, add)
                i += 1

    pack_panel, pack_block, tiles = (njit(error_model="numpy")(f) for f in (pack_panel, pack_block, tiles))

    def gemm(
        a: int, a_row: int, a_col: int, b: int, b_row: int, b_col: int, c: int, c_row: int, m: int, n: int, k: int
    ) -> None:
        if k == 0:
            out = at(c)
            for i in range(m):
                for j in range(n):
                    out[i * c_row + j] = zero
            return
        panel, block = panel_space(), block_space()
        for i0 in range(0, m, BLOCK):
            rows = min(BLOCK, m - i0)
            for k0 in range(0, k, DEPTH):
                depth = min(DEPTH, k - k0)
                at_a, row_step, k_step = a + (i0 * a_row + k0 * a_col) * size, a_row, a_col
                if a_col > 64 and n > 2 * width:  # each k a new cache line or page: worth a copy when used often
                    pack_block(at_a, a_row, a_col, rows, depth, block)
                    at_a, row_step, k_step = block, 1, BLOCK
                for j0 in range(0, n, width):
                    columns = min(width, n - j0)
                    at_b, b_step = b + (k0 * b_row + j0 * b_col) * size, b_row
                    whole = columns in (width, lanes)
                    if b_col != 1 or not whole or (b_row > 64 and rows > ROWS):
                        pack_panel(at_b, b_row, b_col, depth, columns, panel)
                        at_b, b_step = panel, width
                    at_c = c + (i0 * c_row + j0) * size
                    tiles(at_a, row_step, k_step, at_b, b_step, at_c, c_row, rows, depth, columns, int(k0 > 0))

    return gemm


@functools.cache
def install(dtype: str) -> str:
    """Compile or load ``gemm`` for ``dtype`` and publish it to other kernels under the symbol returned."""
    arguments = "a, a_row, a_col, b, b_row, b_col, c, c_row, m, n, k"
    source = f"def kernel({arguments}):\n    gemm({arguments})\n"
    gemm = njit(error_model="numpy")(_template(dtype))
    kernel = specialise(
        f"matmul_{dtype}", source, types.void(*[types.int64] * 11), {}, {"gemm": gemm}, dtype, owner="matrix product"
    )
    symbol = f"workbench_gemm_{dtype}"
    llvmlite.binding.add_symbol(symbol, kernel.address)
    return symbol


@functools.cache
def dot(dtype: str) -> Any:
    """What ``np.dot`` and ``np.matmul(a, b, out)`` become in a kernel of ``dtype``: 2-d arrays, ``out`` by rows.

    Types are checked when a kernel is compiled; shapes that do not fit, and an ``out`` whose rows are not contiguous,
    fill ``out`` with NaN.
    """
    symbol = install(dtype)
    size = _SIZE[dtype]

    @intrinsic
    def gemm(
        typing_context: Any, a: Any, a_row: Any, a_col: Any, b: Any, b_row: Any, b_col: Any, c: Any, c_row: Any, m: Any,
        n: Any, k: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(ir.VoidType(), [I64] * 11)
            builder.call(cgutils.get_or_insert_function(builder.module, kind, symbol), arguments)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), generate

    def product(a, b, out):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed_product(a, b, out):  # type: ignore[no-untyped-def]
        for name, array in (("a", a), ("b", b), ("out", out)):
            if not isinstance(array, types.Array) or array.ndim != 2 or str(array.dtype) != dtype:
                raise TypingError(f"np.dot: {name} cannot be {array}: in this kernel it must be a 2-d {dtype} array")
        def checked(a, b, out):  # type: ignore[no-untyped-def]
            fits = a.shape[1] == b.shape[0] and out.shape[0] == a.shape[0] and out.shape[1] == b.shape[1]
            if not fits or (out.strides[1] != size and out.shape[1] > 1):
                out[:] = np.nan  # a kernel cannot raise; training stops at what is not finite
                return
            gemm(
                address_of(a), a.strides[0] // size, a.strides[1] // size,
                address_of(b), b.strides[0] // size, b.strides[1] // size,
                address_of(out), out.strides[0] // size, a.shape[0], b.shape[1], a.shape[1],
            )  # fmt: skip

        return checked

    return product


replace_function(np.dot, dot)
replace_function(np.matmul, dot)
