"""A scalar function as a function of arrays, compiled the way the network compiles it: for checks and plots."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.jit.retarget import retarget


def function(*arguments: Any) -> Any:
    raise NotImplementedError("bound to the plugin's function")


def _apply_one(x, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = function(x[i])


def _apply_two(x, y, out):  # type: ignore[no-untyped-def]
    for i in range(out.size):
        out[i] = function(x[i], y[i])


def elementwise(scalar: Callable, dtype: str) -> Callable[..., np.ndarray]:
    """``scalar(x)`` or ``scalar(x, y)`` over arrays of one shape, in ``dtype``; options keep their defaults."""
    required = [p for p in inspect.signature(scalar).parameters.values() if p.default is p.empty]
    template: Any = _apply_one if len(required) == 1 else _apply_two
    loop = retarget(template, dtype, {"function": scalar})

    def over_arrays(*arrays: np.ndarray) -> np.ndarray:
        flat = [np.ascontiguousarray(a, dtype=dtype).reshape(-1) for a in arrays]
        out = np.empty_like(flat[0])
        loop(*flat, out)
        return out.reshape(np.shape(arrays[0]))

    return over_arrays
