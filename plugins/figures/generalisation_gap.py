"""Generalisation gap: accuracy on training and on validation images over their number, and what closes the gap."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import mean
from typing import TYPE_CHECKING, Any

from workbench import Figure, hookimpl
from workbench.plugins.figures import _accuracy, _sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

SAMPLES = "training_samples"
PATIENCE = "learner.patience"  # in epochs
REMEDIES = {"learner.dropout": "dropout", "learner.weight_decay": "weight decay", PATIENCE: "early stopping"}

Remedies = tuple[tuple[str, Any], ...]  # those in use: key and value


def generalisation_gap(sweep: Sweep) -> Canvas | None:
    """Over the number of training images: both accuracies and, below, their difference; a line for each remedy."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import PercentFormatter

    panels = _measured(sweep)
    if not panels:
        return None
    styles = _styles(remedies for lines in panels.values() for remedies in lines)
    most = max(map(len, styles))
    canvas = Canvas(figsize=(4 * len(panels) + 3, 7), layout="constrained")
    axes = canvas.subplots(2, len(panels), sharex=True, sharey="row", squeeze=False)
    for (above, below), (name, lines) in zip(axes.T, panels.items(), strict=True):
        for remedies, by_size in lines.items():
            sizes = list(by_size)
            for ax, quantity, line in ((above, "train", "o--"), (above, "validation", "o-"), (below, "gap", "o-")):
                found = [getattr(cell, quantity).values() for cell in by_size.values()]
                ax.plot(sizes, [mean(f) for f in found], line, markersize=3, **styles[remedies])
                if len(remedies) in (0, most) and quantity != "train":
                    ends = [min(f) for f in found], [max(f) for f in found]
                    ax.fill_between(sizes, *ends, color=styles[remedies]["color"], alpha=0.12, linewidth=0)
        ticks = sorted({size for by_size in lines.values() for size in by_size})
        below.set_xscale("log")
        below.set_xticks(ticks, [str(size) for size in ticks])
        below.minorticks_off()
        below.set_xlabel("training images")
        below.axhline(0, color="black", linewidth=0.8)
        above.set_title(name, fontsize="medium")
        above.yaxis.set_major_formatter(PercentFormatter(1))
        below.yaxis.set_major_formatter(PercentFormatter(1, symbol=""))
        above.grid(alpha=0.3)
        below.grid(alpha=0.3)
    axes[0, 0].set_ylabel("accuracy: training (dashed)\nand validation (solid)")
    axes[1, 0].set_ylabel("training less validation accuracy\n[percentage points]")
    legend = {style["label"]: axes[0, 0].plot([], [], **style)[0] for style in styles.values()}
    title = "remedies" if len(legend) > 1 else None
    canvas.legend(legend.values(), legend.keys(), loc="outside right center", frameon=False, title=title)
    seeds = max(len(cell.train) for lines in panels.values() for by_size in lines.values() for cell in by_size.values())
    bands = "bands: their range" if len(legend) < 3 else "bands: their range, for none and all remedies"
    spread = f"\n(lines: mean over {_sweep.count(seeds, 'seed')}, {bands})" if seeds > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: generalisation gap over the number of training images{spread}", wrap=True)
    return canvas


def finding(sweep: Sweep) -> str:
    """How wide the gap is without remedies, with fewest and with most images, and what each remedy changes.

    A remedy is compared with its absence, everything else equal. ``""`` where nothing was measured.
    """
    panels = _measured(sweep)
    without = {name: lines[()] for name, lines in panels.items() if () in lines}
    sizes = sorted(set.intersection(*(set(by_size) for by_size in without.values()))) if without else []
    if not sizes:
        return ""
    gaps = [
        f"{_gaps({name: by_size[size] for name, by_size in without.items()})} with {size} training images"
        for size in dict.fromkeys((sizes[0], sizes[-1]))
    ]
    alone = " without remedies" if any(remedies for lines in panels.values() for remedies in lines) else ""
    seeds = min(len(cell.gap) for by_size in without.values() for cell in by_size.values())
    over = f" ({_sweep.over(seeds)}{', their range in brackets' if seeds > 1 else ''})"
    said = f"The gap between training and validation accuracy{alone} is {'; '.join(gaps)}{over}."
    changes = [_changes(name, lines) for name, lines in panels.items()]
    return " ".join(filter(None, [said, *changes, _sweep.caution(seeds)]))


@dataclass
class Cell:
    """What the runs of one setting measured: accuracies by seed."""

    train: dict[tuple, float] = field(default_factory=dict)
    validation: dict[tuple, float] = field(default_factory=dict)

    @property
    def gap(self) -> dict[tuple, float]:
        return {seed: self.train[seed] - self.validation[seed] for seed in self.train}


def _measured(sweep: Sweep) -> dict[str, dict[Remedies, dict[int, Cell]]]:
    """By what else varies (its name), remedies and number of training images; none unless that number varies."""
    if SAMPLES not in sweep.varied:
        return {}
    keys = [key for key in _sweep.compared(sweep) if key not in (SAMPLES, *REMEDIES)]
    varied = [key for key in REMEDIES if key in sweep.varied]
    found: dict[str, dict[Remedies, dict[int, Cell]]] = {}
    for values, runs in _sweep.groups(sweep, [*keys, *varied, SAMPLES]).items():
        name = _sweep.label(keys, values[: len(keys)])
        remedies = tuple(pair for pair in zip(varied, values[len(keys) : -1], strict=True) if pair[1])
        for run in runs:
            if measured := _accuracies(run):
                size, train, validation = measured
                cell = found.setdefault(name, {}).setdefault(remedies, {}).setdefault(size, Cell())
                seed = _sweep.seed_of(sweep, run)
                cell.train[seed], cell.validation[seed] = train, validation
    return found


@functools.lru_cache(4096)  # the figure and its finding ask for the same
def _accuracies(run: Run) -> tuple[int, float, float] | None:
    """Number of training images, and the trained network's accuracy on them and on the validation images."""
    networks = run.networks()
    if not networks or (data := run.data()).task != "classification":
        return None
    network = networks[max(networks)]
    return len(data.y_train), _accuracy.on_training(network, data), _accuracy.on_validation(network, data)


def _styles(combinations: Iterable[Remedies]) -> dict[Remedies, dict[str, Any]]:
    """Colours for none, each remedy alone, and all together; what lies between is grey and at the back (zorder 0)."""
    unique = sorted(dict.fromkeys(combinations), key=len)
    most = len(unique[-1])
    hues = iter((_sweep.PALETTE[-1], *_sweep.PALETTE[:-1]))
    styles: dict[Remedies, dict[str, Any]] = {}
    for remedies in unique:
        if 1 < len(remedies) < most:
            styles[remedies] = {"color": "0.75", "label": "some of them", "zorder": 0, "linewidth": 0.8}
        else:
            name = "none" if not remedies else _name(remedies[0]) if len(remedies) == 1 else "all of them"
            styles[remedies] = {"color": next(hues, "0.5"), "label": name, "zorder": 2, "linewidth": 1.8}
    return styles


def _gaps(cells: dict[str, Cell]) -> str:
    """``"9.1 points (8.2 to 9.9) for mlp and 8.8 points (7.9 to 9.3) for cnn, no clear difference,"``."""
    wide, narrow = (pick(cells.values(), key=lambda cell: mean(cell.gap.values())) for pick in (max, min))
    same = len(cells) > 1 and not _sweep.clear(_sweep.effect([(narrow.gap, wide.gap)]))
    gaps = (_points(cell.gap.values(), ".1f") + (f" for {name}" if name else "") for name, cell in cells.items())
    return " and ".join(gaps) + (", no clear difference," if same else "")


def _changes(name: str, lines: dict[Remedies, dict[int, Cell]]) -> str:
    """Which remedy closes most of the gap and what it does to accuracy; ``""`` where none can be compared."""
    pairs: dict[tuple[str, Any], list[tuple[Cell, Cell]]] = {}
    for remedies, by_size in lines.items():
        for remedy in remedies:
            without = lines.get(tuple(each for each in remedies if each != remedy), {})
            pairs.setdefault(remedy, []).extend(
                (without[size], cell) for size, cell in by_size.items() if size in without
            )
    gap = {remedy: _sweep.effect((a.gap, b.gap) for a, b in both) for remedy, both in pairs.items()}
    gap = {remedy: effect for remedy, effect in gap.items() if effect}
    if not gap:
        return ""
    others_too = ", with and without the other remedies" if any(len(remedies) > 1 for remedies in lines) else ""
    where = f"{f'In {name}' if name else 'Here'}, all else equal and in the mean over all numbers of training images"
    best, *others = sorted(gap, key=lambda remedy: mean(gap[remedy]))
    if not _sweep.clear(gap[best]) or mean(gap[best]) > 0:
        changes = (f"{_name(remedy)} changes it by {_points(effect)}" for remedy, effect in gap.items())
        return f"{where}{others_too}, no remedy clearly closes the gap: {', '.join(changes)}."
    accuracy = _sweep.effect((a.validation, b.validation) for a, b in pairs[best])
    before = 100 * mean(value for a, _ in pairs[best] for value in a.gap.values())
    unclear = "" if _sweep.clear(accuracy) else ", no clear difference"
    also = "".join(f"; {_name(remedy)} changes the gap by {_points(gap[remedy])}" for remedy in others)
    return (
        f"{where}{others_too}, {_name(best)} closes most: it changes the gap of {before:.1f} points by "
        f"{_points(gap[best])} and validation accuracy by {_points(accuracy)}{unclear}{also}."
    )


def _points(shares: Iterable[float], form: str = "+.1f") -> str:
    points = [100 * share for share in shares]
    return f"{mean(points):{form}} points" + (f" ({_sweep.between(points, form)})" if len(points) > 1 else "")


def _name(remedy: tuple[str, Any]) -> str:
    key, value = remedy
    return f"{REMEDIES[key]} " + (f"({_sweep.count(value, 'epoch')})" if key == PATIENCE else f"{value:g}")


@hookimpl
def register_figures():
    return [Figure("generalisation_gap", generalisation_gap, of="sweep", finding=finding)]
