"""From a plain Python function to cached machine code."""

from workbench.jit import matmul, windows  # noqa: F401  (take the place of plain functions in kernels)
from workbench.jit.cache import specialise, statistics
from workbench.jit.elementwise import elementwise
from workbench.jit.fingerprint import fingerprint

__all__ = ["elementwise", "fingerprint", "specialise", "statistics"]
