"""Which clusterer finds which shape: what each makes of each data set, against the classes that are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _clusters, _sweep

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

DATASET, LEARNER = "dataset.name", "learner.name"
AGREEMENT, SECONDS = "cluster/adjusted_rand", "time/fit_seconds"
FAILED = 0.5  # an adjusted Rand index of 0 is chance, of 1 the classes themselves


def clusterers_compared(sweep: Sweep) -> Canvas | None:
    """Data sets of two features by row, clusterers by column: clusters of the first seed, agreement and time of all."""
    from matplotlib.figure import Figure as Canvas

    cells = _cells(sweep)
    if not cells or any(cell.run.data().X_train.shape[1] != 2 for row in cells.values() for cell in row.values()):
        return None
    clusterers = list(dict.fromkeys(name for row in cells.values() for name in row))
    canvas = Canvas(figsize=(1.75 * len(clusterers) + 0.5, 1.95 * len(cells) + 1), layout="constrained")
    axes = canvas.subplots(len(cells), len(clusterers), squeeze=False)
    for ax, name in zip(axes[0], clusterers, strict=True):
        ax.set_title(name, fontsize=9)
    for line, (shape, row) in zip(axes, cells.items(), strict=True):
        line[0].set_ylabel(shape, fontsize=10)
        for ax, name in zip(line, clusterers, strict=True):
            ax.set_xticks([])
            ax.set_yticks([])
            if name not in row:
                continue
            cell = row[name]
            data, labels = cell.run.data(), cell.run.clustering().labels
            few = slice(None, None, -(-len(labels) // _clusters.POINTS))
            ax.scatter(*data.X_train[few].T, s=3, c=_colours(labels, data.y_train)[few], linewidths=0)
            weight = "bold" if cell is _best(row) and round(cell.mean, 2) > 0 else "normal"
            ax.set_xlabel(f"{_index(cell.mean)}   {_time(cell.seconds)}", fontsize=8.5, fontweight=weight, labelpad=2)
    most = max(len(cell.agreement) for row in cells.values() for cell in row.values())
    seeds = f"; mean index and median time of {_sweep.count(most, 'seed')}" if most > 1 else ""
    canvas.suptitle(
        f"{sweep.experiment}: what each clusterer makes of each shape\n(adjusted Rand index, 1: the known classes, "
        f"0: chance; and time to fit{seeds}; bold: best of the row; grey: noise)",
        fontsize=11,
        wrap=True,
    )
    return canvas


def finding(sweep: Sweep) -> str:
    """The best clusterer for each shape and over all of them, and which fail where; ``""`` where nothing is measured.

    As good as the best is what is not worse with every seed.
    """
    cells = _cells(sweep)
    if not cells:
        return ""
    seeds = max(len(cell.agreement) for row in cells.values() for cell in row.values())
    best = f"Best by adjusted Rand index ({_sweep.over(seeds)}): {'; '.join(map(_winner, cells, cells.values()))}."
    failed: dict[str, list[str]] = {}
    for shape, row in cells.items():
        for name, cell in row.items():
            if cell.mean < FAILED:
                failed.setdefault(name, []).append(shape)
    where = "; ".join(f"{name} on {', '.join(shapes)}" for name, shapes in failed.items())
    below = f"Below {FAILED}: {where}." if failed else f"None is below {FAILED}."
    return " ".join(filter(None, [best, _overall(cells), below, _sweep.caution(seeds)]))


@dataclass(frozen=True)
class Cell:
    """What a clusterer made of a data set: the run of its first seed, adjusted Rand indices by seed, and seconds."""

    run: Run
    agreement: dict[tuple, float]
    seconds: float

    @property
    def mean(self) -> float:
        return mean(self.agreement.values())


def _cells(sweep: Sweep) -> dict[str, dict[str, Cell]]:
    """By data set and clusterer; none unless these alone are compared."""
    if LEARNER not in sweep.varied or set(_sweep.compared(sweep)) - {DATASET, LEARNER}:
        return {}
    found: dict[str, dict[str, Cell]] = {}
    for (shape, name), runs in _sweep.groups(sweep, [DATASET, LEARNER]).items():
        if agreement := _sweep.by_seed(sweep, runs, AGREEMENT):
            seconds = median(run.result(SECONDS) or 0 for run in runs)
            found.setdefault(shape, {})[name] = Cell(runs[0], agreement, seconds)
    return found


def _best(row: Mapping[str, Cell]) -> Cell:
    return max(row.values(), key=lambda cell: cell.mean)


def _winner(shape: str, row: Mapping[str, Cell]) -> str:
    """``"on moons dbscan, 0.98 (as good: agglomerative)"``."""
    best = _best(row)
    equal = [
        name for name, cell in row.items() if not _sweep.clear(_sweep.effect([(cell.agreement, best.agreement)]))
    ]  # fmt: skip
    (name,) = (name for name, cell in row.items() if cell is best)
    others = [each for each in equal if each != name]
    return f"on {shape} {name}, {_index(best.mean)}" + (f" (as good: {', '.join(others)})" if others else "")


def _overall(cells: Mapping[str, Mapping[str, Cell]]) -> str:
    """Which is best in the mean over the shapes, of those that were tried on all."""
    rows = list(cells.values())
    average = {name: mean(row[name].mean for row in rows) for name in rows[0] if all(name in row for row in rows)}
    if len(rows) < 2 or len(average) < 2:
        return ""
    first, second, *_ = sorted(average, key=lambda name: -average[name])
    lead = _sweep.effect((row[second].agreement, row[first].agreement) for row in rows)
    unclear = "" if _sweep.clear(lead) else ", no clear difference"
    margin = f"{average[first] - average[second]:.2f} above {second}{unclear}"
    return f"Over all shapes {first} is best, {_index(average[first])}, {margin}."


def _colours(labels: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """A colour for each point: that of the class its cluster shares most points with, where no other cluster has it."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    clusters, cluster = np.unique(labels[labels >= 0], return_inverse=True)
    names, known = np.unique(classes[labels >= 0], return_inverse=True)
    shared = np.zeros((len(clusters), len(names)))
    np.add.at(shared, (cluster, known), 1)
    order = dict(zip(*linear_sum_assignment(-shared), strict=True))
    free = iter(range(len(names), len(names) + len(clusters)))
    hues = _clusters.colours(len(names) + len(clusters))
    found = np.full(len(labels), _clusters.NOISE)
    found[labels >= 0] = np.array([hues[order[i] if i in order else next(free)] for i in range(len(clusters))])[cluster]
    return found


def _index(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}"  # not -0.00


def _time(seconds: float) -> str:
    return f"{seconds:.2g} s" if seconds >= 0.1 else f"{_sweep.two_digits(1000 * seconds)} ms"


@hookimpl
def register_figures():
    return [Figure("clusterers_compared", clusterers_compared, of="sweep", finding=finding)]
