"""How many clusters? Elbow, silhouette and gap statistic over their number, and whether one stands out (row K2)."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median
from typing import TYPE_CHECKING

from workbench import Figure, get, hookimpl
from workbench.plugins.figures import _clusters, _sweep

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run
    from workbench.experiment.sweep import Sweep

K = "learner.n_clusters"
CRITERIA = ("elbow", "best_silhouette", "first_gap")
REFERENCES = 20  # uniform data sets that the data are compared with
POINTS = 2000  # that such a data set has at most


def how_many_clusters(sweep: Sweep) -> Canvas | None:
    """Inertia, mean silhouette and gap over the number of clusters, and the silhouette of every point at its best k."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.ticker import MaxNLocator

    curves = _curves(sweep)
    if not curves:
        return None
    canvas = Canvas(figsize=(12, 8.4), layout="constrained")
    elbow, silhouette, gap, bars = canvas.subplots(2, 2).ravel()
    _band(elbow, [curve.inertia for curve in curves], _sweep.PALETTE[0], "the data")
    _band(elbow, [curve.uniform for curve in curves], "0.5", "uniform data in the same box")
    _band(silhouette, [curve.silhouette for curve in curves], _sweep.PALETTE[1])
    _band(gap, [curve.gap for curve in curves], _sweep.PALETTE[2])
    ks = list(curves[0].gap)
    middle, errors = ([mean(getattr(curve, name)[k] for curve in curves) for k in ks] for name in ("gap", "s"))
    gap.errorbar(ks, middle, errors, fmt="none", color="black", elinewidth=1, capsize=3)
    elbow.set_title(f"elbow: {_said(curves, 'elbow')}", fontsize="medium")
    elbow.set_ylabel(f"inertia{f' [{curves[0].unit}]' if curves[0].unit else ''}")
    elbow.legend(frameon=False)
    silhouette.set_title(f"highest silhouette: {_said(curves, 'best_silhouette')}", fontsize="medium")
    silhouette.set_ylabel("silhouette, mean over the points")
    gap.set_title(f"first gap not below the next less its s: {_said(curves, 'first_gap')}", fontsize="medium")
    gap.set_ylabel("gap in log inertia below uniform data\n(bars: s, the error of the simulation)")
    for ax, criterion in ((elbow, "elbow"), (silhouette, "best_silhouette"), (gap, "first_gap")):
        k, _ = _prefers(curves, criterion)
        if k is not None:
            ax.axvline(k, color="black", linestyle=":", zorder=0)
        ax.set_xlabel("number of clusters k")
        ax.set_xticks(ks) if len(ks) < 16 else ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
    best, _ = _prefers(curves, "best_silhouette")
    _bars(bars, next(curve for curve in curves if curve.best_silhouette == best), best)
    spread = f" (lines: mean over {_sweep.count(len(curves), 'seed')}, bands: range)" if len(curves) > 1 else ""
    canvas.suptitle(f"{sweep.experiment}: how many clusters?{spread}", wrap=True)
    return canvas


def finding(sweep: Sweep) -> str:
    """Whether a number of clusters stands out, and what each criterion prefers; ``""`` where nothing was measured.

    It does if with every seed all three prefer it, the elbow is sharper than in any of the uniform data sets, and the
    silhouette is more than two standard errors higher than for any other number.
    """
    curves = _curves(sweep)
    if not curves:
        return ""
    (elbow, _), (best, _), (first, _) = preferred = [_prefers(curves, name) for name in CRITERIA]
    sharp = all(curve.sharp for curve in curves)
    rival = max((k for k in curves[0].silhouette if k != best), key=lambda k: mean(c.silhouette[k] for c in curves))
    higher, errors = (median(each) for each in zip(*(curve.higher(best, rival) for curve in curves), strict=True))
    agree = elbow == best == first
    stands_out = agree and sharp and errors > 2 and all(seeds == len(curves) for _, seeds in preferred)
    verdict = f"k={best} stands out" if stands_out else "No k stands out" + (", though all agree" if agree else "")
    height = mean(curve.silhouette[best] for curve in curves)
    side = "above" if higher >= 0 else "below"
    met = "" if first is None else f", meeting its rule by {_margin(curves, first):.1f} s"
    said = (
        f"{verdict}: the elbow is at {_said(curves, 'elbow')}, {'' if sharp else 'no '}sharper than in uniform data; "
        f"the silhouette is highest at {_said(curves, 'best_silhouette')}, {height:.3f}, which is {abs(higher):.3f} or "
        f"{abs(errors):.1f} standard errors {side} that of k={rival}; the gap statistic prefers "
        f"{_said(curves, 'first_gap')}{met}."
    )
    return " ".join(filter(None, [said, _sweep.caution(len(curves))]))


@dataclass(frozen=True)
class Curve:
    """What the runs of one seed say of each number of clusters k, ascending.

    ``silhouettes`` and ``labels`` are those of the points that were looked at, for each k > 1; ``references`` are the
    inertias of uniform data, (REFERENCES, number of k).
    """

    inertia: dict[int, float]
    silhouettes: dict[int, np.ndarray]
    labels: dict[int, np.ndarray]
    references: np.ndarray
    unit: str

    @property
    def elbow(self) -> int:
        """Where the inertia is farthest below the line from the first to the last k: Satopää et al. (2011)."""
        return list(self.inertia)[self._below(list(self.inertia.values())).argmax()]

    @property
    def sharp(self) -> bool:
        """Whether it is farther below than in any of the uniform data sets."""
        bends = [self._below(each).max() for each in self.references]
        return bool(self._below(list(self.inertia.values())).max() > max(bends))

    def _below(self, inertia: Sequence[float]) -> np.ndarray:
        import numpy as np

        ks, values = np.array(list(self.inertia), float), np.asarray(inertia)
        return 1 - (ks - ks[0]) / (ks[-1] - ks[0]) - (values - values[-1]) / (values[0] - values[-1])

    @property
    def silhouette(self) -> dict[int, float]:
        return {k: float(each.mean()) for k, each in self.silhouettes.items()}

    @property
    def best_silhouette(self) -> int:
        return max(self.silhouette, key=lambda k: self.silhouette[k])

    def higher(self, k: int, other: int) -> tuple[float, float]:
        """By how much the silhouette of k is above that of another, also in standard errors over the points."""
        import numpy as np

        difference = self.silhouettes[k] - self.silhouettes[other]
        error = difference.std(ddof=1) / np.sqrt(len(difference))
        return float(difference.mean()), float(difference.mean() / error) if error else np.inf

    @property
    def uniform(self) -> dict[int, float]:
        return dict(zip(self.inertia, self.references.mean(axis=0).tolist(), strict=True))

    @property
    def gap(self) -> dict[int, float]:
        """How far the log inertia is below that of uniform data: Tibshirani, Walther and Hastie (2001)."""
        import numpy as np

        gaps = np.log(self.references).mean(axis=0) - np.log(list(self.inertia.values()))
        return dict(zip(self.inertia, gaps.tolist(), strict=True))

    @property
    def s(self) -> dict[int, float]:
        """Standard deviation of the log inertia of uniform data, and of the mean over so many of them."""
        import numpy as np

        s = np.log(self.references).std(axis=0) * np.sqrt(1 + 1 / len(self.references))
        return dict(zip(self.inertia, s.tolist(), strict=True))

    @property
    def first_gap(self) -> int | None:
        """Their rule: the first k whose gap is not below the next less its s."""
        gap, s = self.gap, self.s
        return next((k for k, following in pairwise(gap) if gap[k] >= gap[following] - s[following]), None)

    def margin(self, k: int) -> float:
        """By how many s the gap of k is above what the rule asks for."""
        ks = list(self.gap)
        following = ks[ks.index(k) + 1]
        return (self.gap[k] - self.gap[following]) / self.s[following] + 1


@functools.lru_cache(16)  # the figure and its finding ask for the same
def _curves(sweep: Sweep) -> list[Curve]:
    """One for each seed; none unless the number of clusters alone is varied, and three or more are measured."""
    by_seed: dict[tuple, dict[int, Run]] = {}
    if K not in sweep.varied or _sweep.compared(sweep, apart_from=K):
        return []
    for (k,), runs in _sweep.groups(sweep, [K]).items():
        for run in runs:
            if (run.result("cluster/inertia") or 0) > 0:
                by_seed.setdefault(_sweep.seed_of(sweep, run), {})[k] = run
    ks = sorted(set.intersection(*(set(runs) for runs in by_seed.values()))) if by_seed else []
    if len(ks) < 3:
        return []
    return [_curve({k: runs[k] for k in ks}, number) for number, runs in enumerate(by_seed.values())]


def _curve(runs: Mapping[int, Run], number: int) -> Curve:
    import numpy as np

    from workbench.experiment.cluster import silhouette

    run = next(iter(runs.values()))
    X = run.data().X_train
    found = {k: run.clustering() for k, run in runs.items()}
    metric = next(iter(found.values())).metric
    silhouettes, labels = {}, {}
    for k, each in found.items():
        few, values = silhouette(X, each.labels, metric, 0)
        if len(few):
            silhouettes[k], labels[k] = values, each.labels[few]
    rng = np.random.default_rng(number)
    references = np.empty((REFERENCES, len(runs)))
    size = min(len(X), POINTS)
    options = {name: run.params[f"learner.{name}"] for name in ("init", "n_init") if f"learner.{name}" in run.params}
    for row in references:
        uniform = rng.uniform(X.min(axis=0), X.max(axis=0), (size, X.shape[1])).astype(X.dtype)
        for column, k in enumerate(runs):
            model = get("clusterer", "kmeans")(n_clusters=k, metric=metric, random_state=number, **options)
            row[column] = model.fit(uniform).inertia_ * len(X) / size
    unit = _clusters.UNITS.get((_clusters.on_map(run), metric), "")
    return Curve({k: each.inertia for k, each in found.items()}, silhouettes, labels, references, unit)


def _prefers(curves: Sequence[Curve], criterion: str) -> tuple[int | None, int]:
    """What most seeds prefer, the smallest of several, and how many."""
    votes = Counter(getattr(curve, criterion) for curve in curves)
    k = min(votes, key=lambda k: (-votes[k], k is None, k or 0))
    return k, votes[k]


def _said(curves: Sequence[Curve], criterion: str) -> str:
    """``"k=3 (4 of 5 seeds)"``."""
    k, seeds = _prefers(curves, criterion)
    named = f"k={k}" if k is not None else "none of them"
    return f"{named} ({seeds} of {_sweep.count(len(curves), 'seed')})" if len(curves) > 1 else named


def _margin(curves: Iterable[Curve], k: int) -> float:
    return median(curve.margin(k) for curve in curves if curve.first_gap == k)


def _band(ax: Axes, lines: Sequence[Mapping[int, float]], colour: str, name: str | None = None) -> None:
    ks = list(lines[0])
    ax.plot(ks, [mean(line[k] for line in lines) for k in ks], "o-", color=colour, markersize=4, label=name)
    low, high = ([pick(line[k] for line in lines) for k in ks] for pick in (min, max))
    ax.fill_between(ks, low, high, color=colour, alpha=0.2)


def _bars(ax: Axes, curve: Curve, k: int) -> None:
    """The silhouette of every point, sorted, one block a cluster: Rousseeuw (1987)."""
    import numpy as np

    silhouettes, labels = curve.silhouettes[k], curve.labels[k]
    ticks, top = {}, 0
    for cluster, hue in enumerate(_clusters.colours(k)):
        own = np.sort(silhouettes[labels == cluster])
        places = np.arange(top, top + len(own) + 1)
        ax.fill_betweenx(places, np.append(own, own[-1:]), step="post", color=hue, linewidth=0)
        ticks[top + len(own) / 2] = f"{_sweep.count(len(own), 'point')}"
        top += len(own) + len(labels) // 50
    ax.axvline(curve.silhouette[k], color="black", linestyle=":", label="mean")
    ax.set_yticks(list(ticks), list(ticks.values()))
    ax.set_title(f"silhouette of every point, k={k}", fontsize="medium")
    ax.set_xlabel("silhouette (below 0: nearer to another cluster)")
    ax.set_ylabel("cluster")
    ax.legend(frameon=False)


@hookimpl
def register_figures():
    return [Figure("how_many_clusters", how_many_clusters, of="sweep", finding=finding)]
