"""What accuracy costs: validation accuracy over training time and over size, for networks that differ in size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import geometric_mean, mean, median
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.sweep import Sweep

ACCURACY, SECONDS, PARAMETERS = "val/accuracy", "time/fit_seconds", "network/parameters"
MARKERS = "os^Dv*P"


def accuracy_over_cost(sweep: Sweep) -> Canvas | None:
    """One point per setting, with its range over seeds: coloured by the first varied key, marked by the others."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter

    keys = _sweep.compared(sweep)
    settings = _settings(sweep)
    if not settings:
        return None
    colours = _sweep.colours(sweep, keys[:1])
    rests = list(dict.fromkeys(values[1:] for values in settings))
    canvas = Canvas(figsize=(10, 4.6), layout="constrained")
    axes = canvas.subplots(1, 2, sharey=True)
    for values, setting in settings.items():
        marker = MARKERS[rests.index(values[1:]) % len(MARKERS)]
        for ax, costs in zip(axes, (setting.seconds, setting.parameters), strict=True):
            accuracies = setting.accuracies.values()
            point, ranges = (median(costs), mean(accuracies)), (costs, accuracies)
            bars = [[[at - min(r)], [max(r) - at]] for at, r in zip(point, ranges, strict=True)]
            ax.errorbar(
                *point, xerr=bars[0], yerr=bars[1], fmt=marker, color=colours[values[:1]], markersize=8, elinewidth=1
            )
    for ax, what in zip(axes, ("training time [s]", "trained parameters"), strict=True):
        ax.set_xscale("log")
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.xaxis.set_major_formatter("{x:,g}")
        ax.xaxis.set_minor_locator(NullLocator())
        _sweep.tick_plainly(ax.xaxis)
        ax.set_xlabel(what)
        ax.grid(alpha=0.3)
    axes[0].set_ylabel("validation accuracy after the last epoch")
    axes[0].yaxis.set_major_formatter(PercentFormatter(1))
    for values, colour in colours.items():
        axes[0].plot([], [], "o", color=colour, markersize=8, label=_sweep.label(keys[:1], values))
    for rest, marker in zip(rests, MARKERS, strict=False):
        if rest:
            axes[0].plot([], [], f"k{marker}", fillstyle="none", markersize=8, label=_sweep.label(keys[1:], rest))
    most = max(len(setting.accuracies) for setting in settings.values())
    spread = f"\n(mean accuracy and median time of {_sweep.count(most, 'seed')}, bars: their range)" if most > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: what accuracy costs{spread}", wrap=True)
    canvas.legend(loc="outside right center", frameon=False)
    return canvas


def finding(sweep: Sweep) -> str:
    """Which setting is best, which is fastest among those as good, and what the first key's largest number changes.

    As good is what is not worse with every seed. The largest and the smallest number are compared with everything else
    equal. ``""`` where nothing was measured.
    """
    settings = _settings(sweep)
    if not settings:
        return ""
    best = max(settings.values(), key=lambda setting: mean(setting.accuracies.values()))
    as_good = [each for each in settings.values() if not _sweep.clear(_gain((each, best)))]
    fastest = min(as_good, key=lambda setting: median(setting.seconds))
    if len(as_good) == len(settings):
        said = f"No setting differs clearly from the best, {best.name}, which has"
    else:
        said = f"The best is {best.name}, with"
    said += f" {_sweep.spread(best.accuracies.values())} validation accuracy in {best.cost}"
    if fastest is best:
        said += "; none as good is faster."
    else:
        said += f"; the fastest that is not worse with every seed is {fastest.name}, with "
        said += f"{mean(fastest.accuracies.values()):.1%} in {fastest.cost}."
    extremes = _extremes(_sweep.compared(sweep), settings)
    return " ".join(filter(None, [said, extremes, _sweep.caution(len(best.accuracies))]))


@dataclass
class Setting:
    """What the runs of one setting measured: validation accuracies by seed, and what they cost."""

    name: str
    accuracies: dict[tuple, float]
    seconds: list[float]
    parameters: list[float]

    @property
    def cost(self) -> str:
        return f"{_sweep.two_digits(median(self.seconds))} s and {median(self.parameters):,.0f} parameters"


def _settings(sweep: Sweep) -> dict[tuple, Setting]:
    """The settings in which all of it was measured; none if the networks are all of one size."""
    keys = _sweep.compared(sweep)
    found = {}
    for values, runs in _sweep.groups(sweep, keys).items():
        accuracies, *costs = (_sweep.by_seed(sweep, runs, metric) for metric in (ACCURACY, SECONDS, PARAMETERS))
        if accuracies and all(costs):
            found[values] = Setting(_sweep.label(keys, values), accuracies, *(list(cost.values()) for cost in costs))
    return found if len({size for setting in found.values() for size in setting.parameters}) > 1 else {}


def _gain(*pairs: tuple[Setting, Setting]) -> list[float]:
    """What the second of each pair gains in accuracy, in points, per seed."""
    return [100 * gain for gain in _sweep.effect((a.accuracies, b.accuracies) for a, b in pairs)]


def _extremes(keys: Sequence[str], settings: dict[tuple, Setting]) -> str:
    """What the first key's largest number changes against its smallest, as a sentence; ``""`` if it has no two."""
    numbers = sorted(first for first in {first for first, *_ in settings} if isinstance(first, int | float))
    if len(numbers) < 2:
        return ""
    low, high = numbers[0], numbers[-1]
    pairs = [
        (settings[low, *rest], setting)
        for (first, *rest), setting in settings.items()
        if first == high and (low, *rest) in settings
    ]
    if not (gain := _gain(*pairs)):
        return ""
    points = _sweep.spread(gain, "+.1f", " points")
    change = "changes accuracy by" if _sweep.clear(gain) else "makes no clear difference to accuracy,"
    time = geometric_mean(median(b.seconds) / median(a.seconds) for a, b in pairs)
    size = geometric_mean(median(b.parameters) / median(a.parameters) for a, b in pairs)
    high_name, low_name = (_sweep.label(keys[:1], [number]) for number in (high, low))
    return (
        f"All else equal, {high_name} against {low_name} {change} {points}; it takes "
        f"{_sweep.times(time)} the time and {_sweep.times(size)} the parameters."
    )


@hookimpl
def register_figures():
    return [Figure("accuracy_over_cost", accuracy_over_cost, of="sweep", finding=finding)]
