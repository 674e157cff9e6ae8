"""Whether functions of numbers can be compiled for a GPU of NVIDIA's; no such device is needed to ask."""

from __future__ import annotations

import importlib.util
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.testing.checks import CheckSkipped, CheckWarning

COMPUTE_CAPABILITY = (8, 0)


def compiles(*functions: tuple[Callable, int]) -> str:
    """Compile functions, each of so many float32, to PTX.

    Raises ``CheckSkipped`` without numba-cuda and ``CheckWarning`` for a function that it cannot compile.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise CheckSkipped("numba-cuda is not installed")
    from numba import cuda, float32
    from numba.cuda.cudadrv.error import NvvmSupportError

    for function, arguments in functions:
        try:
            signature = float32(*[float32] * arguments)
            cuda.compile(_device_function(function), signature, device=True, abi="numba", cc=COMPUTE_CAPABILITY)
        except NvvmSupportError as error:
            raise CheckSkipped(f"numba-cuda finds no compiler: {_first_line(error)}") from None
        except Exception as error:  # the compiler's own, of many kinds, and Python's for what it evaluates
            raise CheckWarning(f"{function.__name__} does not compile for CUDA: {_first_line(error)}") from None
    return "compiled to PTX"


def _device_function(function: Callable) -> Callable:
    """A copy whose helpers are compiled for the device, and whose ``np`` is ``math`` where it has the same."""
    from numba import cuda

    scope = dict(function.__globals__)
    for name in function.__code__.co_names:
        value = scope.get(name)
        if isinstance(value, types.FunctionType):
            scope[name] = cuda.jit(device=True)(_device_function(value))
        elif value is np:
            scope[name] = _numpy()
    return types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)


def _numpy() -> Any:
    from numba.cuda import libdevice

    module = types.ModuleType("numpy")
    vars(module).update({name: value for name, value in vars(np).items() if not name.startswith("_")})
    vars(module).update({name: value for name, value in vars(math).items() if hasattr(np, name)})
    module.rint = libdevice.rint  # type: ignore[attr-defined]
    return module


def _first_line(error: Exception) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
