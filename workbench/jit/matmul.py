"""Matrix products in kernels: what ``np.dot(a, b, out)`` and ``np.matmul(a, b, out)`` become there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from workbench.jit.blocks import AT, BLOCK, DEPTH, ZERO, block, machine_code, published, spoil, width
from workbench.jit.intrinsics import address_of, int64_at
from workbench.jit.microkernels import SIZE, stack
from workbench.jit.retarget import replace_function

_COPIED = 128  # rows of A at a time where they are copied


def _gemm(dtype: str) -> Callable:
    """C = A B with any strides of A and B, C's columns contiguous; addresses in bytes, strides in elements."""
    size, panel_width, at = SIZE[dtype], width(dtype), AT[dtype]
    multiply = block(dtype)
    row_space, place_space, step_space, b_space = (stack(8 * n) for n in (BLOCK, BLOCK, DEPTH, DEPTH))
    copy_space = stack(_COPIED * DEPTH * size)
    zero = ZERO[dtype]

    def multiples(table: int, stride: int, count: int) -> None:
        entries = int64_at(table)
        for i in range(count):
            entries[i] = i * stride

    def copy(a: int, a_row: int, a_col: int, rows: int, depth: int, into: int) -> None:
        source, target = at(a), at(into)
        for p in range(depth):
            for i in range(rows):
                target[p * _COPIED + i] = source[i * a_row + p * a_col]

    multiples, copy = (machine_code(f, dtype) for f in (multiples, copy))

    def gemm(
        a: int, a_row: int, a_col: int, b: int, b_row: int, b_col: int, c: int, c_row: int, m: int, n: int, k: int
    ) -> None:
        if k == 0:
            out = at(c)
            for i in range(m):
                for j in range(n):
                    out[i * c_row + j] = zero
            return
        rows, places, steps, b_rows = row_space(), place_space(), step_space(), b_space()
        # each p a new cache line or page: worth a copy when used often
        against = a_col > 64 and n > 2 * panel_width
        most = _COPIED if against else BLOCK
        copied = copy_space()
        multiples(rows, 1 if against else a_row, min(most, m))
        multiples(places, c_row, min(most, m))
        multiples(steps, _COPIED if against else a_col, min(DEPTH, k))
        multiples(b_rows, b_row, min(DEPTH, k))
        for i in range(0, m, most):
            count = min(most, m - i)
            for p in range(0, k, DEPTH):
                depth = min(DEPTH, k - p)
                at_a = a + (i * a_row + p * a_col) * size
                if against:
                    copy(at_a, a_row, a_col, count, depth, copied)
                    at_a = copied
                multiply(
                    at_a, rows, steps, b + p * b_row * size, b_rows, b_row, b_col, c + i * c_row * size, places, 0,
                    count, n, depth, int(p > 0),
                )  # fmt: skip

    return gemm


@functools.cache
def dot(dtype: str) -> Any:
    """What ``np.dot`` and ``np.matmul(a, b, out)`` become in a kernel of ``dtype``: 2-d arrays, ``out`` by rows.

    Types are checked when a kernel is compiled; shapes that do not fit, and an ``out`` whose rows are not contiguous,
    fill ``out`` with NaN.
    """
    arguments = "a, a_row, a_col, b, b_row, b_col, c, c_row, m, n, k"
    gemm = published("gemm", arguments, _gemm(dtype), dtype)
    size = SIZE[dtype]

    misfit = spoil(dtype)

    def product(a, b, out):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed_product(a, b, out):  # type: ignore[no-untyped-def]
        for name, array in (("a", a), ("b", b), ("out", out)):
            if not isinstance(array, types.Array) or array.ndim != 2 or str(array.dtype) != dtype:
                raise TypingError(f"np.dot: {name} cannot be {array}: in this kernel it must be a 2-d {dtype} array")

        def checked(a, b, out):  # type: ignore[no-untyped-def]
            fits = a.shape[1] == b.shape[0] and out.shape[0] == a.shape[0] and out.shape[1] == b.shape[1]
            c, c_row, c_col = address_of(out), out.strides[0] // size, out.strides[1] // size
            if not fits or (c_col != 1 and out.shape[1] > 1):
                misfit(c, c_row, c_col, out.shape[0], out.shape[1])
                return
            gemm(
                address_of(a), a.strides[0] // size, a.strides[1] // size,
                address_of(b), b.strides[0] // size, b.strides[1] // size,
                c, c_row, a.shape[0], b.shape[1], a.shape[1],
            )  # fmt: skip

        return checked

    return product


replace_function(np.dot, dot)
replace_function(np.matmul, dot)
