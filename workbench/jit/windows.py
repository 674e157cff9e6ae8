"""``window_dot`` and ``window_outer`` in kernels: products by blocks that read windows where they lie."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.errors import TypingError
from numba.extending import overload

from workbench.jit.blocks import AT, BLOCK, DEPTH, ZERO, block, machine_code, published
from workbench.jit.intrinsics import address_of, int64_at
from workbench.jit.microkernels import SIZE, stack
from workbench.jit.retarget import replace_function
from workbench.windows import window_dot, window_outer


def _dot(dtype: str) -> Callable:
    at, zero, multiply = AT[dtype], ZERO[dtype], block(dtype)
    row_space, place_space, step_space, b_space = (stack(8 * n) for n in (BLOCK, BLOCK, DEPTH, DEPTH))

    def without_taps(samples, places, windows, out, out_row, columns, bias):  # type: ignore[no-untyped-def]
        where, target = int64_at(places), at(out)
        shift = at(bias)
        for n in range(samples):
            for i in range(windows):
                for j in range(columns):
                    target[n * out_row + where[i] * columns + j] = shift[j] if bias != 0 else zero

    without_taps = machine_code(without_taps, dtype)

    def dot(
        x: int, x_row: int, samples: int, starts: int, places: int, windows: int, taps: int, picked: int, n_taps: int,
        channels: int, weight: int, w_place: int, w_channel: int, w_column: int, bias: int, out: int, out_row: int,
        columns: int,
    ) -> None:  # fmt: skip
        first, where, offset, kernel = int64_at(starts), int64_at(places), int64_at(taps), int64_at(picked)
        if n_taps * channels == 0:
            without_taps(samples, places, windows, out, out_row, columns, bias)
            return
        at_rows, at_places, at_steps, at_b = row_space(), place_space(), step_space(), b_space()
        rows, c_rows, steps, b_rows = int64_at(at_rows), int64_at(at_places), int64_at(at_steps), int64_at(at_b)
        even = w_place == channels * w_channel
        for t in range(1, n_taps):
            even = even and kernel[t] == kernel[t - 1] + 1
        n, w = 0, 0
        m, k = samples * windows, n_taps * channels
        even_depth = -(-k // -(-k // DEPTH))
        for i in range(0, m, BLOCK):
            count = min(BLOCK, m - i)
            for r in range(count):
                rows[r] = n * x_row + first[w]
                c_rows[r] = n * out_row + where[w] * columns
                w += 1
                if w == windows:
                    w = 0
                    n += 1
            t, c = 0, 0
            for p in range(0, k, even_depth):
                depth = min(even_depth, k - p)
                for q in range(depth):
                    steps[q] = offset[t] + c
                    b_rows[q] = kernel[t] * w_place + c * w_channel
                    c += 1
                    if c == channels:
                        c = 0
                        t += 1
                multiply(
                    x, at_rows, at_steps, weight, at_b, w_channel if even else 0, w_column, out, at_places, bias,
                    count, columns, depth, int(p > 0),
                )  # fmt: skip

    return dot


def _outer(dtype: str) -> Callable:
    multiply = block(dtype)
    row_space, place_space, step_space, b_space = (stack(8 * n) for n in (BLOCK, BLOCK, DEPTH, DEPTH))

    def outer(
        x: int, x_row: int, samples: int, starts: int, places: int, windows: int, taps: int, picked: int, n_taps: int,
        channels: int, grad: int, grad_row: int, out: int, columns: int,
    ) -> None:  # fmt: skip
        first, where, offset, kernel = int64_at(starts), int64_at(places), int64_at(taps), int64_at(picked)
        at_rows, at_places, at_steps, at_b = row_space(), place_space(), step_space(), b_space()
        rows, c_rows, steps, b_rows = int64_at(at_rows), int64_at(at_places), int64_at(at_steps), int64_at(at_b)
        t, c = 0, 0
        m, k = n_taps * channels, samples * windows
        for i in range(0, m, BLOCK):
            count = min(BLOCK, m - i)
            for r in range(count):
                rows[r] = offset[t] + c
                c_rows[r] = (kernel[t] * channels + c) * columns
                c += 1
                if c == channels:
                    c = 0
                    t += 1
            n, w = 0, 0
            for p in range(0, k, DEPTH):
                depth = min(DEPTH, k - p)
                even = columns
                for q in range(depth):
                    steps[q] = n * x_row + first[w]
                    b_rows[q] = n * grad_row + where[w] * columns
                    if q > 0 and b_rows[q] != b_rows[q - 1] + columns:
                        even = 0
                    w += 1
                    if w == windows:
                        w = 0
                        n += 1
                multiply(x, at_rows, at_steps, grad, at_b, even, 1, out, at_places, 0, count, columns, depth, 1)

    return outer


@functools.cache
def _window_dot(dtype: str) -> Any:
    arguments = (
        "x, x_row, samples, starts, places, windows, taps, picked, n_taps, channels, weight, w_place, w_channel, "
        "w_column, bias, out, out_row, columns"
    )
    dot = published("window_dot", arguments, _dot(dtype), dtype)
    size = SIZE[dtype]

    def product(x, starts, taps, weight, picked, bias, out, places):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed(x, starts, taps, weight, picked, bias, out, places):  # type: ignore[no-untyped-def]
        _check("window_dot", dtype, x=(x, 2), weight=(weight, 3), bias=(bias, 1), out=(out, 3))
        _check("window_dot", "int64", starts=(starts, 1), taps=(taps, 1), picked=(picked, 1), places=(places, 1))

        def call(x, starts, taps, weight, picked, bias, out, places):  # type: ignore[no-untyped-def]
            dot(
                address_of(x), x.strides[0] // size, x.shape[0], address_of(starts), address_of(places), starts.size,
                address_of(taps), address_of(picked), taps.size, weight.shape[1],
                address_of(weight), weight.strides[0] // size, weight.strides[1] // size, weight.strides[2] // size,
                address_of(bias) if bias.size else 0, address_of(out), out.strides[0] // size, out.shape[2],
            )  # fmt: skip

        return call

    return product


@functools.cache
def _window_outer(dtype: str) -> Any:
    arguments = (
        "x, x_row, samples, starts, places, windows, taps, picked, n_taps, channels, grad, grad_row, out, columns"
    )
    outer = published("window_outer", arguments, _outer(dtype), dtype)
    size = SIZE[dtype]

    def product(x, starts, taps, grad, places, out, picked):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed(x, starts, taps, grad, places, out, picked):  # type: ignore[no-untyped-def]
        _check("window_outer", dtype, x=(x, 2), grad=(grad, 3), out=(out, 3))
        _check("window_outer", "int64", starts=(starts, 1), taps=(taps, 1), picked=(picked, 1), places=(places, 1))

        def call(x, starts, taps, grad, places, out, picked):  # type: ignore[no-untyped-def]
            outer(
                address_of(x), x.strides[0] // size, x.shape[0], address_of(starts), address_of(places), starts.size,
                address_of(taps), address_of(picked), taps.size, out.shape[1], address_of(grad),
                grad.strides[0] // size, address_of(out), out.shape[2],
            )  # fmt: skip

        return call

    return product


def _check(function: str, dtype: str, **arrays: tuple[Any, int]) -> None:
    for name, (array, ndim) in arrays.items():
        fits = isinstance(array, types.Array) and array.ndim == ndim and str(array.dtype) == dtype
        if not fits or (array.layout != "C" and name != "weight"):
            raise TypingError(f"{function}: {name} cannot be {array}: it must be a {ndim}-d {dtype} C-contiguous array")


replace_function(window_dot, _window_dot)
replace_function(window_outer, _window_outer)
