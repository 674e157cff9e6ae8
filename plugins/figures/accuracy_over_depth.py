"""Validation accuracy over depth: what a deeper network gains or loses, by activation or whatever else varies."""

from __future__ import annotations

from statistics import mean
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.sweep import Sweep

ACCURACY = "val/accuracy"


def accuracy_over_depth(sweep: Sweep) -> Canvas | None:
    """Mean and range over seeds of the final validation accuracy, over the number of hidden layers."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import PercentFormatter

    if _sweep.DEPTH not in sweep.varied:
        return None
    keys = _sweep.compared(sweep, apart_from=_sweep.DEPTH)
    lines: dict[tuple, dict[int, list[float]]] = {}
    for (*values, depth), runs in _sweep.groups(sweep, [*keys, _sweep.DEPTH]).items():
        if accuracies := _sweep.finite(runs, ACCURACY):
            lines.setdefault(tuple(values), {})[depth] = accuracies
    if not lines:
        return None
    colours = _sweep.colours(sweep, keys)
    canvas = Canvas(figsize=(6.4, 4.4), layout="constrained")
    ax = canvas.subplots()
    for values, by_depth in lines.items():
        depths, accuracies = list(by_depth), list(by_depth.values())
        name = _sweep.label(keys, values) or None
        ax.plot(depths, [mean(a) for a in accuracies], "o-", color=colours[values], label=name)
        ax.fill_between(
            depths, [min(a) for a in accuracies], [max(a) for a in accuracies], color=colours[values], alpha=0.2
        )
    ticks = sorted({depth for by_depth in lines.values() for depth in by_depth})
    ax.set_xscale("log", base=2)
    ax.set_xticks(ticks, [str(depth) for depth in ticks])
    ax.minorticks_off()
    ax.set_xlabel("depth (hidden layers)")
    ax.set_ylabel("validation accuracy after the last epoch")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.grid(alpha=0.3)
    most = max(len(accuracies) for by_depth in lines.values() for accuracies in by_depth.values())
    spread = f"\n(line: mean over {_sweep.count(most, 'seed')}, band: their range)" if most > 1 else ""
    ax.set_title(f"{sweep.experiment}: accuracy over depth{spread}", wrap=True)
    if keys:
        ax.legend(frameon=False)
    return canvas


@hookimpl
def register_figures():
    return [Figure("accuracy_over_depth", accuracy_over_depth, of="sweep")]
