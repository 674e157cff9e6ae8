"""Where the outlets end up: the best places found, those that other starts end in, and what these are worse by."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.figures import _clusters, _map, _sweep

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

ALIKE = 0.1  # km; a block
MARKERS = "*os^DvP"


def outlets_found(sweep: Sweep) -> Canvas | None:
    """The best outlets on the map of San Francisco with their customers, beside those of other starts, and inertias."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    optima = _optima(sweep)
    if not optima:
        return None
    best = optima[0][0]
    canvas = Canvas(figsize=(12.5, 6), layout="constrained")
    ax, right = canvas.subplots(1, 2, width_ratios=(2.1, 1))
    _map.draw(ax, fontsize=7)
    ax.set_xlabel(_map.AXES[0])
    ax.set_ylabel(_map.AXES[1])
    ax.set_title("points: customers, in the colour of the best outlets' nearest", fontsize="medium")
    place = 0
    for rank, ends in enumerate(optima):
        marker = MARKERS[rank % len(MARKERS)]
        look = {"color": "0.75" if rank else "white", "markeredgecolor": "black", "linestyle": ""}
        worse = f"{ends[0].inertia / best.inertia - 1:.1%} above" if rank else f"{best.amount}, the best"
        name = f"{_sweep.count(len(ends), 'start')}: {worse}"
        size = 7 if rank else 17
        ax.plot(*ends[0].outlets.T, marker, zorder=4 if rank else 5, markersize=size, label=name, **look)
        for end in ends:
            right.plot(end.inertia / best.inertia - 1, place, marker, clip_on=False, markersize=9, zorder=3, **look)
            place += 1
    for cluster, hue in enumerate(_clusters.colours(len(best.outlets))):
        own = best.customers[best.labels == cluster]
        ax.plot(*own[:: -(-len(best.labels) // _clusters.POINTS)].T, ".", color=hue, markersize=4, alpha=0.6, zorder=2)
        ax.plot(*best.outlets[cluster], "*", color=hue, markersize=12, zorder=6)
        landmark, _ = _map.nearest_landmark(best.outlets[cluster])
        halo = [withStroke(linewidth=3, foreground="white")]
        at = {"xytext": (0, -10), "textcoords": "offset points", "ha": "center", "va": "top"}
        ax.annotate(f"near {landmark}", best.outlets[cluster], **at, fontsize=9, path_effects=halo, zorder=7)
    ax.legend(title="outlets, and their inertia", loc="lower right", fontsize="small")
    right.set_yticks(range(place), [end.start for ends in optima for end in ends])
    right.invert_yaxis()
    right.set_xlabel("inertia above the best")
    right.xaxis.set_major_formatter(PercentFormatter(1))
    right.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10)))
    right.set_xlim(0, max(0.01, 1.1 * max(ends[-1].inertia / best.inertia - 1 for ends in optima)))
    right.grid(alpha=0.3)
    right.set_title("where each start ended", fontsize="medium")
    canvas.suptitle(f"{sweep.experiment}: where {_sweep.count(len(best.outlets), 'outlet')} end up", wrap=True)
    return canvas


def finding(sweep: Sweep) -> str:
    """Where the best outlets are, how far customers are from them, and how many starts find them. ``""`` without any.

    Starts end alike where no outlet of one is farther than a block, 0.1 km, from its counterpart.
    """
    optima = _optima(sweep)
    if not optima:
        return ""
    best, alike = optima[0][0], len(optima[0])
    *places, last = (f"{name} ({away:.2f} km)" for name, away in map(_map.nearest_landmark, best.outlets))
    starts = sum(map(len, optima))
    said = (
        f"{_sweep.count(len(best.outlets), 'outlet')} near {', '.join(places)}{' and ' if places else ''}{last}: a "
        f"customer is {best.distance:.2f} km from the nearest on average, as the crow flies, at an inertia of "
        f"{best.amount}. "
    )
    if starts == 1:
        return f"{said}With one start, there may be better places."
    if len(optima) == 1:
        return f"{said}All {starts} starts end there, within {1000 * ALIKE:.0f} m."
    worse = [end.inertia / best.inertia - 1 for ends in optima[1:] for end in ends]
    who = "the other" if len(worse) == 1 else "the others"
    where = "another local optimum" if len(optima) == 2 else f"{len(optima) - 1} other local optima"
    return (
        f"{said}{alike} of {starts} starts end there, within {1000 * ALIKE:.0f} m; {who} in {where}, "
        f"{'up to ' if len(worse) > 1 else ''}{max(worse):.1%} worse."
    )


@dataclass(frozen=True)
class End:
    """Where one start ended: outlets and customers in km, each customer's outlet, and how far it is on average."""

    start: str
    outlets: np.ndarray
    customers: np.ndarray
    labels: np.ndarray
    inertia: float
    amount: str

    @property
    def distance(self) -> float:
        import numpy as np

        return float(np.hypot(*(self.customers[:, None] - self.outlets).T).min(axis=0).mean())


@functools.lru_cache(16)  # the figure and its finding ask for the same
def _optima(sweep: Sweep) -> list[list[End]]:
    """Starts that ended alike, the best first; none unless all place so many outlets on the map by the same rule."""
    if _sweep.compared(sweep):
        return []
    ends = [end for run in sweep.runs if run.status == "FINISHED" and (end := _end(run)) is not None]
    optima: list[list[End]] = []
    for end in sorted(ends, key=lambda end: end.inertia):
        for known in optima:
            if _apart(known[0].outlets, end.outlets) <= ALIKE:
                known.append(end)
                break
        else:
            optima.append([end])
    return optima


def _end(run: Run) -> End | None:
    found, coordinates = run.clustering(), _clusters.on_map(run)
    if found is None or found.centers is None or found.inertia is None or not coordinates:
        return None
    outlets, customers = (_clusters.places(points, coordinates) for points in (found.centers, run.data().X_train))
    amount = _clusters.amount(found.inertia, coordinates, found.metric)
    return End(run.name, outlets, customers, found.labels, found.inertia, amount)


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    """How far the outlets of one are at most from their counterparts, in km."""
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    away = np.hypot(*(a[:, None] - b).T)
    return float(away[linear_sum_assignment(away**2)].max())


@hookimpl
def register_figures():
    return [Figure("outlets_found", outlets_found, of="sweep", finding=finding)]
