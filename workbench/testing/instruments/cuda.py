"""Whether functions of numbers can be compiled for a GPU of NVIDIA's; no such device is needed to ask."""

from __future__ import annotations

import dis
import importlib.util
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.jit.retarget import rescoped
from workbench.testing.checks import CheckSkipped, CheckWarning

COMPUTE_CAPABILITY = (8, 0)


def compiles(*functions: tuple[Callable, int]) -> str:
    """Compile functions, each of so many float32, to PTX.

    Raises ``CheckSkipped`` where numba-cuda is not installed or lacks its compiler, ``CheckWarning`` for a function
    that does not compile.
    """
    if importlib.util.find_spec("numba_cuda") is None:
        raise CheckSkipped("numba-cuda is not installed")
    try:
        _compile(_nothing, 1)
    except Exception as error:  # no NVVM, no headers: of many kinds
        raise CheckSkipped(f"numba-cuda cannot compile here: {_first_line(error)}") from None
    for function, arguments in functions:
        try:
            _compile(function, arguments)
        except Exception as error:  # the compiler's own, of many kinds, and Python's for what it evaluates
            raise CheckWarning(f"{function.__name__} does not compile for CUDA: {_first_line(error)}") from None
    return "compiled to PTX"


def _nothing(z: float) -> float:
    return z


def _compile(function: Callable, arguments: int) -> None:
    from numba import cuda, float32

    signature = float32(*[float32] * arguments)
    cuda.compile(_for_device(function, {}), signature, device=True, abi="numba", cc=COMPUTE_CAPABILITY)


def _for_device(function: Any, done: dict[int, Any]) -> Any:
    """A copy whose helpers are device functions, and whose ``np`` is ``math`` where that has the same."""
    from numba import cuda

    scope = dict(function.__globals__)
    done[id(function)] = function  # a recursive call keeps its plain name
    for name in {step.argval for step in dis.get_instructions(function) if step.opname == "LOAD_GLOBAL"}:
        value = scope.get(name)
        if isinstance(value, types.FunctionType):
            if id(value) not in done:
                # inlined, for to compile a function of its own numba-cuda asks the device what it is
                done[id(value)] = cuda.jit(device=True, inline="always")(_for_device(value, done))
            scope[name] = done[id(value)]
        elif value is np:
            scope[name] = _numpy()
    return rescoped(function, scope, function.__closure__)


def _numpy() -> Any:
    from numba.cuda import libdevice

    module = types.ModuleType("numpy")
    vars(module).update({name: value for name, value in vars(np).items() if not name.startswith("_")})
    vars(module).update({name: value for name, value in vars(math).items() if hasattr(np, name)})
    module.rint = libdevice.rint  # type: ignore[attr-defined]
    return module


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
