"""A block of a product whose factors are read through tables: what matrix products and convolutions have in common.

Element (i, p) of A lies at ``a[rows[i] + steps[p]]``, row p of B begins at ``b[b_rows[p]]``, row i of C at
``c[places[i]]``. For a matrix the tables are multiples of its strides; for a convolution they say where each window
begins and which pixels it holds, so that nothing is copied ("im2col") first. After Goto and van de Geijn, "Anatomy of
high-performance matrix multiplication" (2008), a panel of B is packed into the first-level cache. Every element of C is
summed over p in the same order whatever the shape, so results do not depend on how rows were divided among threads.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import llvmlite.binding
import numpy as np
from numba import njit, types

from workbench.jit.cache import specialise
from workbench.jit.intrinsics import float32_at, float64_at, int64_at
from workbench.jit.microkernels import ROWS, SIZE, VECTOR_BYTES, VECTORS, micro_kernel, stack, transpose_tile

DEPTH = 128  # p at a time: a panel of B (DEPTH x VECTORS x 64 bytes = 16 KB) stays in the first-level cache
BLOCK = 512  # rows of C at a time: their part of A stays in the second-level cache, and a panel is packed for many
AT = {"float32": float32_at, "float64": float64_at}
ZERO = {"float32": types.float32(0), "float64": types.float64(0)}

_WORD = types.int64


def width(dtype: str) -> int:
    """Columns of a panel."""
    return VECTORS * VECTOR_BYTES // SIZE[dtype]


def _block(dtype: str) -> Callable:
    size, lanes, panel_width = SIZE[dtype], VECTOR_BYTES // SIZE[dtype], width(dtype)
    at = AT[dtype]
    full_wide, k4x2, k2x2, k1x2 = (micro_kernel(dtype, r, 2) for r in (ROWS, 4, 2, 1))
    full_narrow, k4x1, k2x1, k1x1 = (micro_kernel(dtype, r, 1) for r in (ROWS, 4, 2, 1))
    transpose = transpose_tile(dtype)
    panel_space = stack(DEPTH * panel_width * size)
    zero = ZERO[dtype]

    def pack(b: int, b_rows: int, b_col: int, depth: int, columns: int, panel: int) -> None:
        source, offsets, target = at(b), int64_at(b_rows), at(panel)
        if b_col == 1:
            for p in range(depth):
                offset = offsets[p]
                for j in range(columns):
                    target[p * panel_width + j] = source[offset + j]
        else:
            tiled = columns - columns % lanes
            p = 0
            while p < depth:
                run = p + lanes <= depth and offsets[p + lanes - 1] - offsets[p] == lanes - 1
                if run:
                    for i in range(lanes):
                        run = run and offsets[p + i] - offsets[p] == i
                if run:
                    for j in range(0, tiled, lanes):
                        address = b + (offsets[p] + j * b_col) * size
                        transpose(address, b_col, panel + (p * panel_width + j) * size, panel_width)
                for i in range(lanes if run else 1):
                    for j in range(tiled if run else 0, columns):
                        target[(p + i) * panel_width + j] = source[offsets[p + i] + j * b_col]
                p += lanes if run else 1
        if columns < panel_width:
            for p in range(depth):
                for j in range(columns, panel_width):
                    target[p * panel_width + j] = zero

    def tiles(
        a: int, rows: int, steps: int, b: int, b_step: int, c: int, places: int, bias: int, m: int, depth: int,
        columns: int, add: int,
    ) -> None:  # fmt: skip
        i = 0
        narrow = columns <= lanes
        while i < m:
            left = m - i
            at_rows, at_places = rows + i * 8, places + i * 8
            if left >= ROWS:
                if narrow:
                    full_narrow(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                else:
                    full_wide(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                i += ROWS
            elif left >= 4:
                if narrow:
                    k4x1(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                else:
                    k4x2(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                i += 4
            elif left >= 2:
                if narrow:
                    k2x1(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                else:
                    k2x2(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                i += 2
            else:
                if narrow:
                    k1x1(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                else:
                    k1x2(a, at_rows, steps, b, b_step, c, at_places, bias, depth, columns, add)
                i += 1

    pack, tiles = (machine_code(f, dtype) for f in (pack, tiles))

    def block(
        a: int, rows: int, steps: int, b: int, b_rows: int, b_step: int, b_col: int, c: int, places: int, bias: int,
        m: int, n: int, depth: int, add: int,
    ) -> None:  # fmt: skip
        panel = panel_space()
        for j in range(0, n, panel_width):
            columns = min(panel_width, n - j)
            at_b, at_c = b + j * b_col * size, c + j * size
            at_bias = bias + j * size if bias != 0 else 0
            whole = columns in (panel_width, lanes)
            # rows of B far apart would fall into few sets of the cache, and each on a page of its own
            if whole and b_col == 1 and b_step != 0 and (b_step <= 64 or m <= ROWS):
                first = at_b + int64_at(b_rows)[0] * size
                tiles(a, rows, steps, first, b_step, at_c, places, at_bias, m, depth, columns, add)
            else:
                pack(at_b, b_rows, b_col, depth, columns, panel)
                tiles(a, rows, steps, panel, panel_width, at_c, places, at_bias, m, depth, columns, add)

    return block


@functools.cache
def block(dtype: str) -> Any:
    """``block(a, rows, steps, b, b_rows, b_step, b_col, c, places, bias, m, n, depth, add)`` for use in kernels.

    C (m rows, at most BLOCK, n columns) = A B, or C + A B with ``add``, or bias + A B where the address ``bias`` is not
    0, over ``depth`` <= DEPTH values of p. ``a b c bias`` are addresses in bytes, the tables addresses of int64 counted
    in elements, as is ``b_col``, from one column of B to the next. ``b_step`` is the same from one row to the next, or
    0 where that is not always the same. Columns of C are contiguous.
    """
    arguments = "a, rows, steps, b, b_rows, b_step, b_col, c, places, bias, m, n, depth, add"
    return published("block", arguments, _block(dtype), dtype)


@functools.cache
def spoil(dtype: str) -> Any:
    """``spoil(c, c_row, c_col, m, n)`` fills a matrix with NaN: a kernel cannot raise, but training stops at it."""
    at, nan = AT[dtype], np.dtype(dtype).type(np.nan)

    def fill(c: int, c_row: int, c_col: int, m: int, n: int) -> None:
        out = at(c)
        for i in range(m):
            for j in range(n):
                out[i * c_row + j * c_col] = nan

    return published("spoil", "c, c_row, c_col, m, n", fill, dtype)


def machine_code(function: Callable, dtype: str) -> Any:
    """A function of whole numbers, under a name of its own: the linker takes functions of one name for the same."""
    function.__qualname__ += f"_{dtype}"
    return njit(error_model="numpy")(function)


def published(name: str, arguments: str, function: Callable, dtype: str) -> Any:
    """Such a function compiled once, for other kernels to call through a symbol."""
    function = machine_code(function, dtype)
    source = f"def kernel({arguments}):\n    function({arguments})\n"
    signature = types.void(*[_WORD] * len(arguments.split(",")))
    kernel = specialise(f"{name}_{dtype}", source, signature, {}, {"function": function}, dtype, owner=name)
    symbol = f"workbench_{name}_{dtype}"
    llvmlite.binding.add_symbol(symbol, kernel.address)
    return types.ExternalFunction(symbol, signature)
