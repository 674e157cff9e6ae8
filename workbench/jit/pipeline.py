"""The compiler of plugins' functions: Numba's own pipeline with two passes more."""

from __future__ import annotations

from typing import Any

from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.untyped_passes import IRProcessing

from workbench.jit.literals import WeakLiterals
from workbench.jit.returns import ConsistentReturns


class PluginCompiler(CompilerBase):
    def define_pipelines(self) -> list[Any]:
        pipeline = DefaultPassBuilder.define_nopython_pipeline(self.state)
        pipeline.add_pass_after(WeakLiterals, IRProcessing)
        pipeline.add_pass_after(ConsistentReturns, IRProcessing)
        pipeline.finalize()
        return [pipeline]
