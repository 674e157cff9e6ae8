"""Where centres start: given, random points, or k-means++."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.clustering.metric import costs_between
from workbench.errors import ConfigError, did_you_mean

SAMPLE = 2**17  # points that k-means++ looks at: it keeps a number for each, and passes over them for every centre
METHODS = ("k-means++", "random")


def initial_centers(
    X: np.ndarray, n_clusters: int, init: Any, metric: str, rng: np.random.Generator, threads: int | None = None
) -> np.ndarray:
    """Centres to begin with, (n_clusters, n_features) of ``X``'s dtype.

    ``init`` is an array of that shape, ``"random"`` (so many different points), or ``"k-means++"``: Arthur and
    Vassilvitskii (2007), greedy as in scikit-learn, on a sample of 131,072 points where there are more. There must be
    as many points as clusters. Raises ``ConfigError`` for another ``init``.
    """
    if isinstance(init, str):
        if init not in METHODS:
            raise ConfigError(
                f"no init is named {init!r}{did_you_mean(init, METHODS)} An array of centres will do, too."
            )
        if init == "random":
            return X[rng.choice(len(X), n_clusters, replace=False)].copy()
        return _plus_plus(X, n_clusters, metric, rng, threads)
    try:
        centers = np.array(init, X.dtype, order="C")
    except (TypeError, ValueError) as error:
        raise ConfigError(f"init is neither one of {', '.join(METHODS)} nor an array of centres: {error}") from None
    if centers.shape != (n_clusters, X.shape[1]):
        raise ConfigError(
            f"init has shape {centers.shape}; {n_clusters} centres of {X.shape[1]} features have the shape "
            f"{(n_clusters, X.shape[1])}."
        )
    if not np.isfinite(centers).all():
        raise ConfigError("init holds a centre that is not finite.")
    return centers


def _plus_plus(
    X: np.ndarray, n_clusters: int, metric: str, rng: np.random.Generator, threads: int | None
) -> np.ndarray:
    """Each further centre is a point drawn in proportion to its cost; of several so drawn, the one that saves most."""
    if len(X) > SAMPLE:
        X = X[np.sort(rng.choice(len(X), max(SAMPLE, n_clusters), replace=False))]
    trials = 2 + int(math.log(n_clusters))
    chosen = [int(rng.integers(len(X)))]
    least = costs_between(X, X[chosen], metric, threads)[:, 0].astype(np.float64)
    for _ in range(1, n_clusters):
        total = np.cumsum(least)
        drawn = np.minimum(np.searchsorted(total, rng.random(trials) * total[-1], side="right"), len(X) - 1)
        if total[-1] == 0:  # every point is a centre already
            drawn = rng.integers(len(X), size=trials)
        saved = np.minimum(least[:, None], costs_between(X, X[drawn], metric, threads))
        best = int(saved.sum(axis=0).argmin())
        chosen.append(int(drawn[best]))
        least = saved[:, best].copy()
    return X[chosen].copy()
