"""How far training moves the filters of the first convolution, and what that brings."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _accuracy, _convolution, _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

PANELS = {
    "moved": "distance of a filter from its initial value\n[its initial length], median of the filters",
    "accuracy": "validation accuracy of the network",
    "readout": "validation accuracy of a linear classifier\non the maps of the first convolution",
}


def filters_learned(sweep: Sweep) -> Canvas | None:
    """Over the epochs kept: how far the filters moved, the network's accuracy, and what its first maps are good for."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import PercentFormatter

    keys = _sweep.compared(sweep)
    lines = _measured(sweep)
    if not lines:
        return None
    colours = _sweep.colours(sweep, keys)
    canvas = Canvas(figsize=(12.5, 4.4), layout="constrained")
    axes = canvas.subplots(1, len(PANELS))
    for ax, (quantity, label) in zip(axes, PANELS.items(), strict=True):
        for values, curves in lines.items():
            over: dict[int, list[float]] = {}
            for epoch, value in (point for curve in curves for point in getattr(curve, quantity).items()):
                over.setdefault(epoch, []).append(value)
            epochs, found = list(over), list(over.values())
            name = _sweep.label(keys, values) or None
            ax.plot(epochs, [mean(f) for f in found], "o-", color=colours[values], markersize=4, label=name)
            ax.fill_between(epochs, [min(f) for f in found], [max(f) for f in found], color=colours[values], alpha=0.15)
        ticks = sorted({epoch for curves in lines.values() for curve in curves for epoch in curve.moved})
        ax.set_xscale("symlog", base=2, linthresh=1)
        ax.set_xticks(ticks, [str(epoch) for epoch in ticks])
        ax.minorticks_off()
        ax.set_xlabel("epoch (0: before training)")
        ax.set_ylabel(label)
        ax.grid(alpha=0.3)
        if quantity != "moved":
            ax.yaxis.set_major_formatter(PercentFormatter(1))
    most = max(len(curves) for curves in lines.values())
    spread = f" (lines: mean over {_sweep.count(most, 'seed')}, bands: their range)" if most > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: what learning the filters brings{spread}", wrap=True)
    if keys:
        canvas.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    return canvas


def finding(sweep: Sweep) -> str:
    """Where learning the filters brought most and where least, by a linear classifier on the first convolution's maps.

    It is fitted to the training images' maps, by the filters before training and after, and scored on the validation
    images. ``""`` where nothing was measured.
    """
    keys = _sweep.compared(sweep)
    settings = {_sweep.label(keys, values): curves for values, curves in _measured(sweep).items()}
    if not settings:
        return ""
    gains = {name: [100 * curve.gain for curve in curves] for name, curves in settings.items()}
    most, least = (pick(gains, key=lambda name: mean(gains[name])) for pick in (max, min))
    learned = _sweep.clear(gains[most]) and mean(gains[most]) > 0
    where = f"{'' if learned else ', at most'} in {most}" if most else ""
    brings = "most" if learned else "no clear gain"
    readout = "a linear classifier on the maps of the first convolution is right for"
    said = [f"Learning the filters brings {brings}{where}: {readout} {_brought(settings[most])}."]
    if most != least:
        said.append(f"It brings least in {least}: {_brought(settings[least])}.")
    return " ".join(filter(None, [*said, _sweep.caution(len(settings[most]))]))


@dataclass(frozen=True)
class Curve:
    """What the networks kept of one run measure, by epoch."""

    moved: dict[int, float]
    accuracy: dict[int, float]
    readout: dict[int, float]

    @property
    def gain(self) -> float:
        """How much better the maps can be read after training than before."""
        return self.readout[max(self.readout)] - self.readout[min(self.readout)]

    @property
    def halfway(self) -> int:
        """The first epoch kept after which the filters had moved half as far as in the end."""
        return next(epoch for epoch, moved in self.moved.items() if moved >= self.moved[max(self.moved)] / 2)


def _brought(curves: list[Curve]) -> str:
    before, after = (mean(curve.readout[pick(curve.readout)] for curve in curves) for pick in (min, max))
    gain = [100 * curve.gain for curve in curves]
    unclear = "" if _sweep.clear(gain) else "no clear difference, "
    return (
        f"{before:.1%} of the validation images before training and {after:.1%} after, {unclear}"
        f"{_sweep.spread(gain, '+.1f', ' points')}, and the filters move by "
        f"{mean(curve.moved[max(curve.moved)] for curve in curves):.2f} times their initial length, half of that "
        f"by epoch {max(curve.halfway for curve in curves)}"
    )


def _measured(sweep: Sweep) -> dict[tuple, list[Curve]]:
    """The curves of each setting, one per seed."""
    groups = _sweep.groups(sweep, _sweep.compared(sweep)).items()
    found = {values: [curve for run in runs if (curve := _curve(run)) is not None] for values, runs in groups}
    return {values: curves for values, curves in found.items() if curves}


@functools.lru_cache(256)  # the figure and its finding ask for the same
def _curve(run: Run) -> Curve | None:
    import numpy as np
    from sklearn.linear_model import RidgeClassifier

    networks = _convolution.kept(run)
    if not networks or (data := run.data()).task != "classification":
        return None
    initial = _convolution.filters(networks[min(networks)])
    curve = Curve({}, {}, {})
    for epoch, network in networks.items():
        curve.moved[epoch] = float(np.median(_convolution.moved(initial, _convolution.filters(network))))
        curve.accuracy[epoch] = _accuracy.on_validation(network, data)
        train, validation = (_convolution.handed_on(network, X) for X in (data.X_train, data.X_validation))
        readout = RidgeClassifier().fit(train, data.y_train)
        curve.readout[epoch] = float(readout.score(validation, data.y_validation))
    return curve


@hookimpl
def register_figures():
    return [Figure("filters_learned", filters_learned, of="sweep", finding=finding)]
