"""What a kernel became: whether its loop works on several numbers at once, and in the precision it was asked for."""

from __future__ import annotations

import dis
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from workbench.jit.fingerprint import names_in
from workbench.network.operands import Operation
from workbench.testing.checks import CheckSkipped
from workbench.testing.instruments.kernels import needs_compiler

_FUNCTION = re.compile(r"^\s*\.type\s+([^,]+),@function$", re.MULTILINE)
_RUNTIME = re.compile(r"cfunc\.|NRT_|numba_")  # functions around the kernel, not of it
_ARITHMETIC = r"\bv(?:add|sub|mul|div|max|min|sqrt|cmp\w*|and|andn|or|xor|blendv|fn?m(?:add|sub)\d+)"
_PACKED, _SCALAR = re.compile(_ARITHMETIC + r"ps\s.*%[yz]mm"), re.compile(_ARITHMETIC + r"ss\s")
_MOVED = re.compile(r"\bvmovu?a?ps\s.*%[yz]mm|\$mem(?:cpy|set|move)\b")
_CALLED = re.compile(r"(?:movabsq\s+\$|callq?\s+)([A-Za-z]\w*)")
_COPIES = {"memcpy", "memset", "memmove"}


def machine_code(operation: Operation, dtype: str = "float32") -> str:
    """The assembly of the kernel's own functions. Raises ``CheckSkipped`` without a compiler."""
    library = _library(operation, dtype)
    assembly = library.codegen._tm.emit_assembly(library._get_module_for_linking())
    starts = [(found.start(), found.group(1)) for found in _FUNCTION.finditer(assembly)]
    ends = [start for start, _ in starts[1:]] + [len(assembly)]
    own = [assembly[a:b] for (a, name), b in zip(starts, ends, strict=True) if not _RUNTIME.match(name.strip('"'))]
    return "\n".join(own)


def not_vectorised(operation: Operation, *functions: Callable) -> str | None:
    """Why the loop of a float32 kernel takes one number at a time, as far as that shows; None where it takes several.

    ``functions`` are the plugin's own in it. Raises ``CheckSkipped`` where vectors are not to be expected.
    """
    import llvmlite.binding as llvm

    needs_compiler()
    if not llvm.get_host_cpu_features().get("avx2", False):
        raise CheckSkipped("reads x86 machine code with vectors of 256 bits or more (AVX2), which this processor lacks")
    assembly = machine_code(operation)
    called = sorted(set(_CALLED.findall(assembly)) - _COPIES)
    if any(name.startswith("NRT_") for name in called):
        return "it makes arrays; for np.where on numbers write `a if condition else b`"
    if any("random" in name for name in called):
        return "it draws random numbers"
    if called:
        return f"its loop calls {' and '.join(map(_library_name, called))}{_advice(called)}"
    if _PACKED.search(assembly) or (_MOVED.search(assembly) and not _SCALAR.search(assembly)):
        return None
    reasons = list(dict.fromkeys(reason for function in functions for reason in _obstacles(function)))
    return f"it holds {' and '.join(reasons)}" if reasons else "something in it keeps the loop over it scalar"


def widened(operation: Operation, *functions: Callable) -> str | None:
    """What makes a float32 kernel compute in float64, as far as that shows; None where nothing does."""
    if "fpext" not in str(_library(operation, "float32")._get_module_for_linking()):
        return None
    wide = [name for function in functions for name in _float64_constants(function)]
    if wide:
        return f"{' and '.join(dict.fromkeys(wide))} is a np.float64: make it a Python number, float(...)"
    return (
        "a np.float64 in it, or a whole number such as math.floor(z) gives, makes float64 of float32: write plain "
        "Python numbers, and np.floor, np.ceil, np.rint"
    )


def _library(operation: Operation, dtype: str) -> Any:
    needs_compiler()
    return operation.compile(dtype)._library  # also of a kernel from the cache, unlike inspect_asm


def _library_name(symbol: str) -> str:
    return f"{symbol.removesuffix('f')} of the C library"


def _advice(called: list[str]) -> str:
    if {"powf", "pow"} & set(called):
        return "; a power that is not a whole number is exp(p * log(z)), which vectorises"
    if {"fmodf", "fmod"} & set(called):
        return "; z % n is z - n * np.floor(z / n), which vectorises"
    return "; exp, expm1, log, log1p, tanh, erf, erfc, sin, cos and sqrt vectorise, and what is made of them"


def _obstacles(function: Callable) -> Iterator[str]:
    for step in dis.get_instructions(function):
        if step.opname.startswith("RAISE"):
            yield "a raise"
        elif "BACKWARD" in step.opname:
            yield "a loop of its own"


def _float64_constants(function: Any) -> Iterator[str]:
    scope = getattr(function, "__globals__", {})
    for name in sorted(names_in(function.__code__) & scope.keys()) if scope else ():
        if isinstance(scope[name], np.float64):
            yield name
