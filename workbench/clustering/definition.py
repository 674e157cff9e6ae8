"""From a function of the points to a clusterer: what the function takes, what it returns, and the spec made of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from workbench.specs import Clusterer

if TYPE_CHECKING:
    import numpy as np


class HalfStep(TypedDict):
    """One half of a step of a clustering by centres: ``assign`` points to centres, or ``update`` the centres.

    ``step`` counts from 1, both halves of a step have the same. ``inertia`` is the total cost of the points to their
    centres after this half, ``centers`` (n_clusters, n_features) are the centres then. ``labels`` are those of every
    ``stride``-th point, so that keeping them costs little however many points there are; ``digest`` is a number made
    of all labels, and ``changed`` how many of them this half-step changed.
    """

    step: int
    half: Literal["assign", "update"]
    inertia: float
    centers: np.ndarray
    labels: np.ndarray
    stride: int
    digest: int
    changed: int


@dataclass(frozen=True)
class Clustering:
    """What a clusterer found: ``labels`` (n_samples,) from 0, -1 for noise.

    ``centers`` (n_clusters, n_features) and ``inertia``, where there are centres: the total cost to them by ``metric``
    or, if ``adds`` says so, the total distance. ``history``: every half-step. ``attributes``: whatever else is to be
    known of the fitted model, which gets them with a ``_`` at the end of their names.
    """

    labels: np.ndarray
    centers: np.ndarray | None = None
    inertia: float | None = None
    n_iter: int | None = None
    history: Sequence[HalfStep] = ()
    metric: str = "euclidean"
    adds: Literal["cost", "distance"] = "cost"
    attributes: Mapping[str, Any] = field(default_factory=dict)


def clusterer(
    name: str,
    fit: Callable[..., Clustering],
    *,
    centers: bool = False,
    predict: Callable[[Any, np.ndarray], np.ndarray] | None = None,
    partial_fit: Callable[..., Clustering] | None = None,
    check: Callable[..., None] | None = None,
) -> Clusterer:
    """The spec of a clusterer that ``fit(X, **options) -> Clustering`` describes.

    ``X`` is (n_samples, n_features), float32 or float64, C-contiguous, finite, and not to be written to. The other
    parameters are the options, as everywhere; one called ``rng`` is a NumPy Generator, made from the option
    ``random_state`` that the clusterer then has.

    ``centers``: the clustering always has centres. New points then belong to the nearest by the clustering's
    ``metric``, ``transform`` gives the distances to all, and ``score`` is minus the inertia.
    ``predict(model, X) -> labels`` says otherwise; ``model`` is the fitted estimator, with its options and results as
    attributes. ``partial_fit(X, clustering, **options) -> Clustering`` takes up the clustering so far, None at first,
    with more points. ``check(X, **options)`` raises ``ConfigError`` or
    ``DataError`` for options that do not go together or do not fit the points; it is asked before a sweep begins.
    Raises ``PluginError`` for a signature that cannot be read.
    """

    def build(**options: Any) -> Any:
        from workbench.clustering.estimator import estimator_class

        return estimator_class(name, fit, centers, predict, partial_fit, check)(**options)

    functools.update_wrapper(build, fit)
    build.__signature__ = signature(fit)  # type: ignore[attr-defined]
    return Clusterer(name, build)


def signature(fit: Callable) -> inspect.Signature:
    """The options of ``fit`` as keywords; the seed of its random numbers, if it draws any, comes last."""
    declared = inspect.signature(fit, eval_str=True).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [p.replace(kind=keyword) for p in declared if p.name not in ("X", "rng")]
    if any(p.name == "rng" for p in declared):
        options.append(inspect.Parameter("random_state", keyword, default=0, annotation=Any))
    return inspect.Signature(options)
