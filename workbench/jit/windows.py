"""``window_dot`` and ``window_outer`` in kernels: register-blocked products that read windows where they lie."""

from __future__ import annotations

from typing import Any

from numba import njit

from workbench.jit.retarget import OPTIONS, replace_function
from workbench.windows import window_dot, window_outer


def _dot(x, starts, taps, weight, picked, bias, out, places):  # type: ignore[no-untyped-def]
    for n in range(x.shape[0]):
        for i in range(starts.size):
            row = out[n, places[i]]
            row[:] = 0
            if bias.size:
                row[:] = bias
            for t in range(taps.size):
                for c in range(weight.shape[1]):
                    value = x[n, starts[i] + taps[t] + c]
                    for j in range(row.size):
                        row[j] += value * weight[picked[t], c, j]


def _outer(x, starts, taps, grad, places, out, picked):  # type: ignore[no-untyped-def]
    for n in range(x.shape[0]):
        for i in range(starts.size):
            row = grad[n, places[i]]
            for t in range(taps.size):
                for c in range(out.shape[1]):
                    value = x[n, starts[i] + taps[t] + c]
                    for j in range(row.size):
                        out[picked[t], c, j] += value * row[j]


def _window_dot(dtype: str) -> Any:
    return njit(**OPTIONS)(_dot)


def _window_outer(dtype: str) -> Any:
    return njit(**OPTIONS)(_outer)


replace_function(window_dot, _window_dot)
replace_function(window_outer, _window_outer)
