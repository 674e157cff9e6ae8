"""The libraries that plugins' functions are made of: taken as they are, neither looked into nor followed."""

# The behaviour of each is fixed by its version, which is part of the kernel cache's key.
_LIBRARIES = frozenset({"builtins", "llvmlite", "math", "numba", "numpy", "operator", "scipy"})


def from_library(module: str | None) -> bool:
    """Whether ``module``, by its dotted name, belongs to one of them."""
    return (module or "").partition(".")[0] in _LIBRARIES
