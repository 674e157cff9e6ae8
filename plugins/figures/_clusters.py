"""Clusters of points with two features: where they are drawn, in which colours, and frames of how they come about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.plugins.datasets import _san_francisco
from workbench.plugins.figures import _map, _sweep

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from workbench.clustering import HalfStep
    from workbench.experiment.run import Run

POINTS = 5000  # drawn at most
GRID = 200  # places a side at which the nearest centre is looked for
NOISE = "#999999"
NEARBY = 10  # km from City Hall: points farther away are not in San Francisco
CITY = {("east_km", "north_km"): "km", ("latitude", "longitude"): "degrees"}
UNITS = {
    **{("km", "euclidean"): "km²", ("km", "manhattan"): "km", ("degrees", "haversine"): "km²"},
    **{("degrees", "euclidean"): "square degrees", ("degrees", "manhattan"): "degrees"},
}


def colours(n: int) -> list[str]:
    """``#rrggbb`` of each of ``n`` clusters; beyond the palette the same hues again, lighter."""
    hues = _sweep.PALETTE
    return [_sweep.lighter(hues[i % len(hues)], 0.65 * (i // len(hues) % 2)) for i in range(n)]


@dataclass(frozen=True)
class Film:
    """A clustering by centres of points with two features, as it can be drawn: every half-step of it.

    ``xy`` are the points drawn, every ``stride``-th; ``coordinates`` are "km" or "degrees" for those on the map of San
    Francisco, which is always drawn in km, or "".
    """

    xy: np.ndarray
    stride: int
    history: Sequence[HalfStep]
    metric: str
    coordinates: str
    axes: tuple[str, str]

    def labels(self, i: int) -> np.ndarray:
        """The clusters of the points drawn after a half-step."""
        each = self.history[i]
        return each["labels"][:: self.stride // each["stride"]]

    def path(self, first: int, last: int) -> np.ndarray:
        """Where the centres were from one half-step to another, (half-steps, n_clusters, 2)."""
        import numpy as np

        return np.stack([places(self.history[i]["centers"], self.coordinates) for i in range(first, last + 1)])

    def title(self, i: int) -> str:
        """``"step 2, assign: 412.3 km², 17 points change"``."""
        each = self.history[i]
        title = f"step {each['step']}, {each['half']}: {amount(each['inertia'], self.coordinates, self.metric)}"
        if each["half"] == "update" or i == 0:
            return title
        return f"{title}, {_sweep.count(each['changed'], 'point')} change{'s' if each['changed'] == 1 else ''}"

    @property
    def limits(self) -> list[tuple[float, float]]:
        """From where to where the axes go: around the points, and the map if there is one."""
        low, high = self.xy.min(axis=0), self.xy.max(axis=0)
        margin = 0.05 * (high - low).max()
        found = list(zip(low - margin, high + margin, strict=True))
        if self.coordinates:
            city = (_map.EAST, _map.NORTH)
            found = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(found, city, strict=True)]
        return found


def film(run: Run, points: int = POINTS) -> Film | None:
    """What there is to be drawn of a run; None without half-steps, or unless a point has two features."""
    found = run.clustering()
    if found is None or not found.history or (data := run.data()).X_train.shape[1] != 2:
        return None
    coordinates = on_map(run)
    kept = found.history[0]["stride"]
    stride = kept * -(-len(data.X_train) // (kept * points))
    xy = places(data.X_train[::stride], coordinates)
    return Film(xy, stride, found.history, found.metric, coordinates, axes_of(run))


def axes_of(run: Run) -> tuple[str, str]:
    """What is on the axes of a plane of two features."""
    if on_map(run):
        return _map.AXES
    x, y = run.data().feature_names or ("first feature", "second feature")
    return (f"{x}, standardised", f"{y}, standardised") if run.params.get("standardise") else (x, y)


def amount(inertia: float, coordinates: str, metric: str) -> str:
    """``"412.3 km²"``; without a unit where it is not known."""
    unit = UNITS.get((coordinates, metric))
    return (f"{inertia:,.1f}" if inertia >= 100 else f"{inertia:.4g}") + (f" {unit}" if unit else "")


def on_map(run: Run) -> str:
    """ "km" or "degrees" if the run's points are places in San Francisco, and not standardised, else ""."""
    data = run.data()
    coordinates = CITY.get(tuple(data.feature_names), "")
    if not coordinates or run.params.get("standardise"):
        return ""
    return coordinates if abs(places(data.X_train, coordinates)).max() < NEARBY else ""


def places(points: np.ndarray, coordinates: str) -> np.ndarray:
    """Where points are drawn: degrees of latitude and longitude in km east and north."""
    import numpy as np

    if coordinates != "degrees":
        return np.asarray(points)
    return np.column_stack(_san_francisco.to_km(*points.T))


def heading(name: str, stars: str) -> str:
    """What is seen."""
    marks = f"({stars}; lines: borders between what is nearest to each centre; ringed: points that change)"
    return f"{name}: how the clusters come about\n{marks}"


def lay_out(ax: Axes, film: Film, fontsize: float, few: bool = False) -> None:
    """What stays the same from frame to frame: the map if there is one, limits and labels."""
    if film.coordinates:
        _map.draw(ax, fontsize, few)
    ax.set_aspect("equal")
    ax.set_xlim(film.limits[0])
    ax.set_ylim(film.limits[1])
    ax.set_xlabel(film.axes[0])
    ax.set_ylabel(film.axes[1])
    ax.tick_params(labelsize="small")


def draw(ax: Axes, film: Film, i: int, since: int, size: float = 9) -> list[Artist]:
    """Points by cluster, centres with their path since an earlier half-step, and the borders between them."""
    labels, path = film.labels(i), film.path(since, i)
    before = film.labels(max(i - 1, 0))
    dot = size / 3 * min(1, 1000 / len(labels)) ** 0.4
    hues = colours(path.shape[1])
    drawn: list[Artist] = []
    for cluster, hue in enumerate(hues):
        own = film.xy[labels == cluster]
        drawn += ax.plot(own[:, 0], own[:, 1], ".", color=hue, markersize=dot, alpha=0.75, zorder=2)
    ringed = film.xy[labels != before]
    ring = {"markerfacecolor": "none", "markeredgecolor": "black", "markeredgewidth": dot / 6}
    drawn += ax.plot(*ringed.T, "o", markersize=1.5 * dot, zorder=2, **ring)
    drawn += borders(ax, film.history[i]["centers"], film.coordinates, film.metric)
    for cluster, hue in enumerate(hues):
        drawn += ax.plot(*path[:, cluster].T, "-", color="black", linewidth=size / 7, zorder=4)
        drawn += ax.plot(*path[0, cluster], "o", color="black", markersize=size / 3, zorder=4)
        drawn += ax.plot(
            *path[-1, cluster], "*", color=hue, markeredgecolor="black", markeredgewidth=size / 12,
            markersize=1.4 * size, zorder=5,
        )  # fmt: skip
    ax.set_title(film.title(i), fontsize="medium")
    return drawn


def borders(ax: Axes, centers: np.ndarray, coordinates: str, metric: str) -> list[Artist]:
    """Lines between the places that are nearest to one centre and to another."""
    import numpy as np

    from workbench.clustering.metric import distances

    if len(centers) < 2:
        return []
    x, y = (np.linspace(*limits, GRID) for limits in (ax.get_xlim(), ax.get_ylim()))
    grid = np.column_stack([axis.ravel() for axis in np.meshgrid(x, y)])
    if coordinates == "degrees":
        grid = np.column_stack(_san_francisco.to_degrees(*grid.T))
    away = distances(np.ascontiguousarray(grid, centers.dtype), centers, metric)
    lines: list[Artist] = []
    for cluster in range(len(centers)):
        others = np.delete(away, cluster, axis=1).min(axis=1)
        further = (away[:, cluster] - others).reshape(GRID, GRID)
        if further.min() < 0 < further.max():
            lines.append(ax.contour(x, y, further, levels=[0], colors="0.25", linewidths=0.8, zorder=3))
    return lines
