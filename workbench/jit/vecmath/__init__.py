"""Elementary functions as plain branch-free Python that LLVM can vectorise; one module per precision.

A call into the C library keeps a loop scalar, so these use arithmetic, ``min max abs``, ternaries and bit patterns
(``.view``) only. ``FUNCTIONS[dtype][name]`` returns scalars of ``dtype``, which its argument is made first; NaN and
infinities behave as in ``numpy``, results below the normal range are rounded rather than flushed, and nothing warns
when run as Python. The sign of zero is not kept. Each docstring states how far from the true value a result can be, in
ulp of the true value, as measured against 50 digits with fused multiply-add; without it, add one.

Every function stands alone, so that it compiles in one piece. All coefficients are minimax fits in the stated interval,
found by Remez exchange in 50 digits and then rounded, in most cases one at a time with the remaining ones refitted.
"""

from __future__ import annotations

from collections.abc import Callable

from workbench.jit.vecmath import float32, float64

NAMES = ("cos", "erf", "erfc", "exp", "expm1", "log", "log1p", "sin", "sqrt", "tanh")

FUNCTIONS: dict[str, dict[str, Callable]] = {
    module.__name__.rpartition(".")[2]: {name: getattr(module, name) for name in NAMES} for module in (float32, float64)
}
