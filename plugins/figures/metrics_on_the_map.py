"""What a metric does to clusters on a map: customers who change outlet against great-circle distances (row K3)."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING

from workbench import Figure, hookimpl
from workbench.plugins.datasets import _san_francisco
from workbench.plugins.figures import _clusters, _map, _sweep

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

KEYS = ("learner.metric", "dataset.coordinates")
TRUTH = ("haversine", "degrees")


def metrics_on_the_map(sweep: Sweep) -> Canvas | None:
    """One map per metric with its clusters, borders and centres, for the first seed; changed customers are ringed."""
    from matplotlib.figure import Figure as Canvas

    settings = _measured(sweep)
    if not settings:
        return None
    seed, truth = next(iter(settings[TRUTH].items()))
    shown = {setting: by_seed[seed] for setting, by_seed in settings.items() if seed in by_seed}
    columns = 1 if len(shown) == 1 else 2
    rows = -(-len(shown) // columns)
    canvas = Canvas(figsize=(6.6 * columns, 4.9 * rows + 0.7), layout="constrained")
    axes = canvas.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    hues = _clusters.colours(len(truth.centers))
    for ax, (setting, found) in zip(axes, shown.items(), strict=False):
        _map.draw(ax, fontsize=7, few=True)
        for cluster, hue in enumerate(hues):
            own = found.places[found.labels == cluster]
            ax.plot(*own.T, ".", color=hue, markersize=4, alpha=0.7, zorder=2)
            ax.plot(*found.middles[cluster], "*", color=hue, markeredgecolor="black", markersize=15, zorder=5)
        _clusters.borders(ax, found.centers, setting[1], setting[0])
        said = "the reference"
        if found is not truth:
            moved = found.places[found.labels != truth.labels]
            ax.plot(*moved.T, "o", color="none", markeredgecolor="black", markeredgewidth=0.8, markersize=7, zorder=3)
            ax.plot(*truth.middles.T, "*", color="none", markeredgecolor="black", markersize=15, zorder=4)
            said = f"{len(moved)} of {_sweep.count(len(found.labels), 'customer')} change outlet"
        ax.set_title(f"{_name(setting)}: {said}")
        ax.set_xlabel(_map.AXES[0])
        ax.set_ylabel(_map.AXES[1])
        ax.label_outer()
    for ax in axes[len(shown) :]:
        ax.set_axis_off()
    start = f", {', '.join(f'seed {value}' for value in seed)}" if seed else ""
    canvas.suptitle(
        f"{sweep.experiment}: outlets by different metrics, from the same start{start}\n"
        "(ringed: customers who change outlet; hollow stars: outlets of the reference; lines: borders)",
        wrap=True,
    )
    return canvas


def finding(sweep: Sweep) -> str:
    """How many customers change outlet with each metric, and what it costs in great-circle distance to the outlet.

    Runs of one seed are compared with each other; the reference takes great-circle distances. ``""`` without one.
    """
    settings = _measured(sweep)
    if not settings:
        return ""
    truth = settings[TRUTH]
    n = len(next(iter(truth.values())).labels)
    said = []
    for setting, by_seed in settings.items():
        both = [seed for seed in by_seed if seed in truth]
        if setting == TRUTH or not both:
            continue
        changed = [int((by_seed[seed].labels != truth[seed].labels).sum()) for seed in both]
        longer = [1000 * (by_seed[seed].distance - truth[seed].distance) for seed in both]
        change = f"changes the way by {_range(longer, '+.1f', ' m')}"
        if max(map(abs, longer)) < 0.05:
            change = "leaves the way as long"
        elif not _sweep.clear(longer):
            change += ", no clear difference"
        said.append(f"{_name(setting)} sends {_range(changed, '.0f')} of {n} customers to another outlet and {change}")
    if not said:
        return ""
    distance = mean(found.distance for found in truth.values())
    reference = f"By great-circle distance, {_name(TRUTH)}, a customer is {distance:.3f} km from the outlet on average."
    seeds = f" ({_sweep.over(len(truth))}, their range in brackets)" if len(truth) > 1 else ""
    changes = f"Against that{seeds}, {'; '.join(said)}."
    return " ".join(filter(None, [reference, changes, _sweep.caution(len(truth))]))


@dataclass(frozen=True)
class Found:
    """The clusters of one run, numbered as the reference numbers them.

    ``places`` and ``middles`` are points and centres in km, ``centers`` these in the run's own coordinates, and
    ``distance`` is that of the customers from their outlets on average, in km along great circles.
    """

    places: np.ndarray
    middles: np.ndarray
    centers: np.ndarray
    labels: np.ndarray
    distance: float


@functools.lru_cache(16)  # the figure and its finding ask for the same
def _measured(sweep: Sweep) -> dict[tuple[str, str], dict[tuple, Found]]:
    """What was found by metric and coordinates, and seed; the reference first, and nothing without it."""
    if set(_sweep.compared(sweep)) - set(KEYS):
        return {}
    settings: dict[tuple[str, str], dict[tuple, Found]] = {}
    finished = [(_setting(run), run) for run in sweep.runs if run.status == "FINISHED"]
    for setting, run in sorted(finished, key=lambda pair: pair[0] != TRUTH):
        seed = _sweep.seed_of(sweep, run)
        if (found := _found(run, settings.get(TRUTH, {}).get(seed))) is not None:
            settings.setdefault(setting, {})[seed] = found
    return settings if TRUTH in settings else {}


def _found(run: Run, truth: Found | None) -> Found | None:
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    from workbench.clustering.metric import distances

    clustering, coordinates = run.clustering(), _clusters.on_map(run)
    if clustering is None or clustering.centers is None or not coordinates:
        return None
    points, centers, labels = run.data().X_train, clustering.centers, clustering.labels
    if truth is not None:
        if len(truth.labels) != len(labels) or len(truth.centers) != len(centers):
            return None
        shared = np.zeros((len(centers), len(centers)))
        np.add.at(shared, (truth.labels, labels), 1)
        _, order = linear_sum_assignment(-shared)
        centers, labels = centers[order], np.argsort(order)[labels]
    places, middles = (_clusters.places(each, coordinates) for each in (points, centers))
    here, there = (np.column_stack(_san_francisco.to_degrees(*each.T)) for each in (places, middles))
    away = distances(here, there, "haversine")[np.arange(len(here)), labels]
    return Found(places, middles, centers, labels, float(away.mean()))


def _range(values: list[float], form: str, unit: str = "") -> str:
    return f"{mean(values):{form}}{unit}" + (f" ({_sweep.between(values, form)})" if len(values) > 1 else "")


def _setting(run: Run) -> tuple[str, str]:
    metric, coordinates = (str(run.params.get(key)) for key in KEYS)
    return metric, coordinates


def _name(setting: tuple[str, str]) -> str:
    metric, coordinates = setting
    return f"{metric} on {coordinates}"


@hookimpl
def register_figures():
    return [Figure("metrics_on_the_map", metrics_on_the_map, of="sweep", finding=finding)]
