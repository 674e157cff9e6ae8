"""From a function of the points to a clusterer."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge

from workbench.clustering.result import Clustering
from workbench.specs import Clusterer

SEED = Annotated[int, Ge(0)] | np.random.RandomState | None


@dataclass(frozen=True)
class Definition:
    """What a plugin says of its clusterer; see ``clusterer``."""

    name: str
    options: inspect.Signature = field(compare=False)  # it follows from the function, and may have no hash
    fit: Callable[..., Clustering]
    centers: bool
    predict: Callable[[Any, np.ndarray], np.ndarray] | None
    partial_fit: Callable[..., Clustering] | None
    check: Callable[..., None] | None


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
    ``DataError`` for options that do not go together or do not fit the points; it is asked before a sweep begins, and
    of the first points that come in portions.
    Raises ``PluginError`` for a signature that cannot be read.
    """

    definition = Definition(name, _options(fit), fit, centers, predict, partial_fit, check)

    def build(**options: Any) -> Any:
        from workbench.clustering.estimator import estimator_class

        return estimator_class(definition)(**options)

    functools.update_wrapper(build, fit)
    build.__signature__ = definition.options  # type: ignore[attr-defined]
    return Clusterer(name, build)


def _options(fit: Callable) -> inspect.Signature:
    """The options of ``fit`` as keywords; the seed of its random numbers, if it draws any, comes last."""
    declared = inspect.signature(fit, eval_str=True).parameters.values()
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [p.replace(kind=keyword) for p in declared if p.name not in ("X", "rng")]
    if any(p.name == "rng" for p in declared):
        options.append(inspect.Parameter("random_state", keyword, default=0, annotation=SEED))
    return inspect.Signature(options)
