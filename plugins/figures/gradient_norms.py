"""Gradient norms of one network, by layer, in its first and in its last epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures._sweep import PALETTE, tick_plainly

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run

LINES = {"gradients/norm_by_layer": "first epoch", "gradients/norm_by_layer_final": "last epoch"}


def gradient_norms(run: Run) -> Canvas | None:
    """The norm of each weight layer's gradient, mean over the epoch, on a log scale."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    measured = {name: run.metrics[key] for key, name in LINES.items() if run.metrics.get(key)}
    if not measured:
        return None
    canvas = Canvas(figsize=(5.4, 3.8), layout="constrained")
    ax = canvas.subplots()
    for (name, points), colour in zip(measured.items(), (PALETTE[1], PALETTE[0]), strict=False):
        layers, norms = zip(*sorted(points), strict=True)
        ax.plot(layers, norms, "o-", color=colour, label=name)
    ax.set_yscale("log", nonpositive="mask")
    tick_plainly(ax.yaxis)
    ax.set_xlabel("weight layer (1 = next to the input)")
    ax.set_ylabel("gradient norm, mean over the epoch")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.grid(alpha=0.3)
    ax.legend(frameon=False)
    ax.set_title(f"{run.name}: gradient norm by layer", wrap=True)
    return canvas


@hookimpl
def register_figures():
    return [Figure("gradient_norms", gradient_norms, of="run")]
