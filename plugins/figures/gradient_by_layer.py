"""Gradient norm by layer: how much of the gradient that enters a network at its output arrives at layer 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

NORMS = "gradients/norm_by_layer"
ACCURACY = "val/accuracy"
VANISHED = 0.1  # a layer with less than a tenth of the last layer's gradient learns an order of magnitude slower


def gradient_by_layer(sweep: Sweep) -> Canvas | None:
    """Mean and range over seeds of each weight layer's gradient norm in the first epoch, one panel per depth."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    keys = _sweep.compared(sweep, apart_from=_sweep.DEPTH)
    lines: dict[int | None, dict[tuple, list[Run]]] = {}
    for depth, values, runs in _networks(sweep, keys):
        if measured := [run for run in runs if run.metrics.get(NORMS)]:
            lines.setdefault(depth, {})[values] = measured
    if not lines:
        return None
    colours = _sweep.colours(sweep, keys)
    canvas = Canvas(figsize=(max(2.8 * len(lines) + 1.4, 6), 4.4), layout="constrained")
    axes = canvas.subplots(1, len(lines), sharey=True, squeeze=False)[0]
    legend = {}
    for ax, (depth, panel) in zip(axes, lines.items(), strict=True):
        for values, runs in panel.items():
            by_layer: dict[int, list[float]] = {}
            for layer, norm in (point for run in runs for point in run.metrics[NORMS]):
                by_layer.setdefault(layer, []).append(norm)
            layers, norms = zip(*sorted(by_layer.items()), strict=True)
            (line,) = ax.plot(layers, [mean(n) for n in norms], "o-", color=colours[values], markersize=3.5)
            ax.fill_between(layers, [min(n) for n in norms], [max(n) for n in norms], color=line.get_color(), alpha=0.2)
            legend[_name(runs[0], keys, values)] = line
        ax.set_yscale("log", nonpositive="mask")
        ax.set_xlabel("weight layer (1 = next to the input)")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        if depth is not None:
            ax.set_title(f"depth {depth}", fontsize="medium")
    _sweep.tick_plainly(axes[0].yaxis)
    axes[0].set_ylabel("gradient norm, mean over the first epoch")
    most = max(len(runs) for panel in lines.values() for runs in panel.values())
    spread = f" (line: mean over {_sweep.count(most, 'seed')}, band: their range)" if most > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: gradient norm by layer{spread}", wrap=True)
    fitting = int(canvas.get_figwidth() / (0.7 + 0.09 * max(map(len, legend))))  # inches of a handle, of a letter
    columns = min(len(legend), 6, max(fitting, 1))
    canvas.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=columns, frameon=False)
    return canvas


def finding(sweep: Sweep) -> str:
    """Two sentences: which network starves its first layer of gradient, and what that costs in accuracy.

    A network counts as starved if, with every seed, layer 1 receives less than a tenth of the last layer's gradient
    norm in the first epoch; the worst of them is named, by the median over its seeds. If there is none, that is the
    finding. Differences within the spread over seeds (overlapping ranges) are called so. ``""`` where nothing was
    measured.
    """
    keys = _sweep.compared(sweep, apart_from=_sweep.DEPTH)
    cells: dict[tuple[int | None, str], Cell] = {}
    for depth, values, runs in _networks(sweep, keys):
        if shares := [share for run in runs if (share := _share(run)) is not None]:
            accuracies = _sweep.finite(runs, ACCURACY)
            cells[depth, _name(runs[0], keys, values)] = Cell(shares, accuracies)
    if not cells:
        return ""
    starved = {key: cell for key, cell in cells.items() if max(cell.shares) < VANISHED}
    depth, name = min(starved or cells, key=lambda key: median(cells[key].shares))
    where = f"{name} at depth {depth}" if depth is not None else name
    worst = cells[depth, name]
    share = f"{_sweep.fraction(median(worst.shares))} of the last layer's gradient norm in the first epoch"
    over = _sweep.over(len(worst.shares), "median")
    if len(worst.shares) > 1:
        over += f", {_sweep.fraction(min(worst.shares))} to {_sweep.fraction(max(worst.shares))}"
    rivals = {rival: cell for (at, rival), cell in cells.items() if at == depth and rival != name}
    accuracy = _accuracy(worst, rivals, "at its depth" if depth is not None else "here")
    if not starved:
        return (
            f"No network here starves its first layer of gradient: where layer 1 receives least, in {where}, it still "
            f"receives {share} ({over}). {accuracy}"
        )
    against = ""
    if rivals:
        rival, best = max(rivals.items(), key=lambda item: median(item[1].shares))
        against = f", against {_sweep.fraction(median(best.shares))} in {rival}"
        against += "" if _apart(worst.shares, best.shares) else ", which is within the spread over seeds"
    return f"The gradient vanishes in {where}: layer 1 receives {share} ({over}){against}. {accuracy}"


@dataclass
class Cell:
    """What the runs of one network at one depth measured, one number per seed.

    ``shares``: layer 1's gradient norm divided by the last layer's; ``accuracies``: on validation data, at the end.
    """

    shares: list[float]
    accuracies: list[float]


def _networks(sweep: Sweep, keys: list[str]) -> Iterator[tuple[int | None, tuple, list[Run]]]:
    """Depth, None where it was not varied, values of the other ``keys``, and the finished runs of each network."""
    for (depth, *values), runs in _sweep.groups(sweep, [_sweep.DEPTH, *keys]).items():
        yield depth if _sweep.DEPTH in sweep.varied else None, tuple(values), runs


def _accuracy(worst: Cell, rivals: dict[str, Cell], where: str) -> str:
    """What it costs, as the second sentence; the rivals are all there are ``where``."""
    own = worst.accuracies
    if not own:
        return "What that costs in validation accuracy was not measured."
    measured = {rival: cell.accuracies for rival, cell in rivals.items() if cell.accuracies}
    best = max(measured, key=lambda rival: mean(measured[rival]), default=None)
    said = f"Its validation accuracy is {mean(own):.1%}{' on average' if len(own) > 1 else ''}"
    if best is None:
        return f"{said}, with nothing {where} to compare it with."
    points = 100 * (mean(measured[best]) - mean(own))
    if points <= 0:
        return f"{said}, which none {where} surpasses."
    within = "" if _apart(own, measured[best]) else ", which is within the spread over seeds"
    return f"{said}, {points:.1f} points below that of {best}, the best {where}{within}."


def _share(run: Run) -> float | None:
    norms = [norm for _, norm in sorted(run.metrics.get(NORMS, []))]
    return norms[0] / norms[-1] if len(norms) > 1 and norms[-1] > 0 else None


def _apart(a: list[float], b: list[float]) -> bool:
    return max(a) < min(b) or max(b) < min(a)


def _name(run: Run, keys: list[str], values: tuple) -> str:
    return _sweep.label(keys, values) or str(run.params.get(_sweep.ACTIVATION) or run.params.get("learner.name", "it"))


@hookimpl
def register_figures():
    return [Figure("gradient_by_layer", gradient_by_layer, of="sweep", finding=finding)]
