"""The counter noise under the name the engine uses; it lives in ``workbench.noise``, which loads without Numba."""

from workbench.noise import derive, mix, uniform

__all__ = ["derive", "mix", "uniform"]
