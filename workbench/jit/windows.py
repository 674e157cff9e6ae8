"""``workbench.windows`` in kernels: products by blocks that read windows where they lie."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from numba import types
from numba.core.errors import TypingError
from numba.extending import overload, register_jitable

from workbench.jit.blocks import AT, BLOCK, DEPTH, ZERO, block, machine_code, published, spoil
from workbench.jit.intrinsics import address_of, int64_at
from workbench.jit.microkernels import SIZE, stack
from workbench.jit.retarget import replace_function
from workbench.windows import window_dot, window_dot_transposed, window_outer


def _dot(dtype: str) -> Callable:
    at, zero, multiply = AT[dtype], ZERO[dtype], block(dtype)
    row_space, place_space, step_space, b_space = (stack(8 * n) for n in (BLOCK, BLOCK, DEPTH, DEPTH))

    def without_taps(samples, places, n_windows, out, out_row, columns, bias):  # type: ignore[no-untyped-def]
        where, target, shift = int64_at(places), at(out), at(bias)
        for n in range(samples):
            for i in range(n_windows):
                for j in range(columns):
                    target[n * out_row + where[i] * columns + j] = shift[j] if bias != 0 else zero

    def part(  # type: ignore[no-untyped-def]
        x, x_row, samples, starts, places, n_windows, offsets, picked, n_taps, channels,
        weight, w_place, w_channel, w_column, bias, out, out_row, columns,
    ):  # fmt: skip
        first, where, offset, kernel = int64_at(starts), int64_at(places), int64_at(offsets), int64_at(picked)
        at_rows, at_places, at_steps, at_b = row_space(), place_space(), step_space(), b_space()
        rows, c_rows, steps, b_rows = int64_at(at_rows), int64_at(at_places), int64_at(at_steps), int64_at(at_b)
        even = w_place == channels * w_channel
        for t in range(1, n_taps):
            even = even and kernel[t] == kernel[t - 1] + 1
        n, w = 0, 0
        m, k = samples * n_windows, n_taps * channels
        most = -(-k // -(-k // DEPTH))
        for i in range(0, m, BLOCK):
            count = min(BLOCK, m - i)
            for r in range(count):
                rows[r] = n * x_row + first[w]
                c_rows[r] = n * out_row + where[w] * columns
                w += 1
                if w == n_windows:
                    w = 0
                    n += 1
            t, c = 0, 0
            for p in range(0, k, most):
                depth = min(most, k - p)
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

    without_taps, part = machine_code(without_taps, dtype), machine_code(part, dtype)

    def dot(
        x: int, x_row: int, samples: int, parts: int, n_parts: int, windows: int, n_windows: int, taps: int,
        n_taps: int, channels: int, weight: int, w_place: int, w_channel: int, w_column: int, bias: int, out: int,
        out_row: int, columns: int,
    ) -> None:  # fmt: skip
        bounds = int64_at(parts)
        for p in range(n_parts):
            i, j, s, t = bounds[4 * p], bounds[4 * p + 1], bounds[4 * p + 2], bounds[4 * p + 3]
            starts, places = windows + 8 * i, windows + 8 * (n_windows + i)
            if s == t:
                without_taps(samples, places, j - i, out, out_row, columns, bias)
            else:
                part(
                    x, x_row, samples, starts, places, j - i, taps + 8 * s, taps + 8 * (n_taps + s), t - s, channels,
                    weight, w_place, w_channel, w_column, bias, out, out_row, columns,
                )  # fmt: skip

    return dot


def _outer(dtype: str) -> Callable:
    at, zero, multiply = AT[dtype], ZERO[dtype], block(dtype)
    row_space, place_space, step_space, b_space = (stack(8 * n) for n in (BLOCK, BLOCK, DEPTH, DEPTH))

    def part(  # type: ignore[no-untyped-def]
        x, x_row, samples, starts, places, n_windows, offsets, picked, n_taps, channels, grad, grad_row, out, columns
    ):
        first, where, offset, kernel = int64_at(starts), int64_at(places), int64_at(offsets), int64_at(picked)
        at_rows, at_places, at_steps, at_b = row_space(), place_space(), step_space(), b_space()
        rows, c_rows, steps, b_rows = int64_at(at_rows), int64_at(at_places), int64_at(at_steps), int64_at(at_b)
        t, c = 0, 0
        m, k = n_taps * channels, samples * n_windows
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
                    if w == n_windows:
                        w = 0
                        n += 1
                multiply(x, at_rows, at_steps, grad, at_b, even, 1, out, at_places, 0, count, columns, depth, 1)

    part = machine_code(part, dtype)

    def outer(
        x: int, x_row: int, samples: int, parts: int, n_parts: int, windows: int, n_windows: int, taps: int,
        n_taps: int, channels: int, grad: int, grad_row: int, out: int, size: int, columns: int,
    ) -> None:  # fmt: skip
        bounds, kernel = int64_at(parts), at(out)
        for i in range(size):
            kernel[i] = zero
        for p in range(n_parts):
            i, j, s, t = bounds[4 * p], bounds[4 * p + 1], bounds[4 * p + 2], bounds[4 * p + 3]
            starts, places = windows + 8 * i, windows + 8 * (n_windows + i)
            part(
                x, x_row, samples, starts, places, j - i, taps + 8 * s, taps + 8 * (n_taps + s), t - s, channels,
                grad, grad_row, out, columns,
            )  # fmt: skip

    return outer


@functools.cache
def _published_dot(dtype: str) -> Any:
    arguments = (
        "x, x_row, samples, parts, n_parts, windows, n_windows, taps, n_taps, channels, "
        "weight, w_place, w_channel, w_column, bias, out, out_row, columns"
    )
    return published("window_dot", arguments, _dot(dtype), dtype)


@functools.cache
def _window_dot(dtype: str) -> Any:
    dot, misfit, size = _published_dot(dtype), spoil(dtype), SIZE[dtype]

    def product(x, parts, windows, taps, weight, bias, out):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed(x, parts, windows, taps, weight, bias, out):  # type: ignore[no-untyped-def]
        _check("window_dot", dtype, x=x, weight=weight, bias=bias, out=out)
        _check("window_dot", "int64", parts=parts, windows=windows, taps=taps)

        def call(x, parts, windows, taps, weight, bias, out):  # type: ignore[no-untyped-def]
            channels, columns = weight.shape[-2], weight.shape[-1]
            fits = _are_tables(parts, windows, taps)
            if not (fits and out.shape[0] == x.shape[0] and out.shape[-1] == columns and bias.size in (0, columns)):
                misfit(address_of(out), 1, 1, out.size, 1)
                return
            dot(
                address_of(x), x.strides[0] // size, x.shape[0], address_of(parts), parts.shape[0],
                address_of(windows), windows.shape[1], address_of(taps), taps.shape[1], channels,
                address_of(weight), channels * columns, columns, 1,
                address_of(bias) if bias.size else 0, address_of(out), out.strides[0] // size, columns,
            )  # fmt: skip

        return call

    return product


@functools.cache
def _window_dot_transposed(dtype: str) -> Any:
    dot, misfit, size = _published_dot(dtype), spoil(dtype), SIZE[dtype]

    def product(x, parts, windows, taps, weight, out):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed(x, parts, windows, taps, weight, out):  # type: ignore[no-untyped-def]
        _check("window_dot_transposed", dtype, x=x, weight=weight, out=out)
        _check("window_dot_transposed", "int64", parts=parts, windows=windows, taps=taps)

        def call(x, parts, windows, taps, weight, out):  # type: ignore[no-untyped-def]
            columns, channels = weight.shape[-2], weight.shape[-1]
            fits = _are_tables(parts, windows, taps)
            if not (fits and out.shape[0] == x.shape[0] and out.shape[-1] == columns):
                misfit(address_of(out), 1, 1, out.size, 1)
                return
            dot(
                address_of(x), x.strides[0] // size, x.shape[0], address_of(parts), parts.shape[0],
                address_of(windows), windows.shape[1], address_of(taps), taps.shape[1], channels,
                address_of(weight), channels * columns, 1, channels,
                0, address_of(out), out.strides[0] // size, columns,
            )  # fmt: skip

        return call

    return product


@functools.cache
def _window_outer(dtype: str) -> Any:
    arguments = (
        "x, x_row, samples, parts, n_parts, windows, n_windows, taps, n_taps, channels, "
        "grad, grad_row, out, size, columns"
    )
    outer, misfit, size = published("window_outer", arguments, _outer(dtype), dtype), spoil(dtype), SIZE[dtype]

    def product(x, parts, windows, taps, grad, out):  # type: ignore[no-untyped-def]
        raise NotImplementedError("stands for the overload below")

    @overload(product)
    def typed(x, parts, windows, taps, grad, out):  # type: ignore[no-untyped-def]
        _check("window_outer", dtype, x=x, grad=grad, out=out)
        _check("window_outer", "int64", parts=parts, windows=windows, taps=taps)

        def call(x, parts, windows, taps, grad, out):  # type: ignore[no-untyped-def]
            fits = _are_tables(parts, windows, taps)
            if not (fits and grad.shape[0] == x.shape[0] and grad.shape[-1] == out.shape[-1]):
                misfit(address_of(out), 1, 1, out.size, 1)
                return
            outer(
                address_of(x), x.strides[0] // size, x.shape[0], address_of(parts), parts.shape[0],
                address_of(windows), windows.shape[1], address_of(taps), taps.shape[1], out.shape[-2],
                address_of(grad), grad.strides[0] // size, address_of(out), out.size, out.shape[-1],
            )  # fmt: skip

        return call

    return product


@register_jitable
def _are_tables(parts, windows, taps):  # type: ignore[no-untyped-def]
    return parts.shape[1] == 4 and windows.shape[0] == 2 and taps.shape[0] == 2


_LEAST_AXES = {"x": 1, "out": 2, "grad": 2, "weight": 2, "bias": 1, "parts": 2, "windows": 2, "taps": 2}


def _check(function: str, dtype: str, **arrays: Any) -> None:
    for name, array in arrays.items():
        fits = isinstance(array, types.Array) and array.ndim >= _LEAST_AXES[name] and str(array.dtype) == dtype
        if not fits or array.layout != "C":
            axes = f"at least {_LEAST_AXES[name]} axes"
            raise TypingError(f"{function}: {name} cannot be {array}: it must be C-contiguous {dtype}, with {axes}")


replace_function(window_dot, _window_dot)
replace_function(window_dot_transposed, _window_dot_transposed)
replace_function(window_outer, _window_outer)
