"""What a clusterer found, and the half-steps by which it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    import numpy as np


Half = Literal["assign", "update"]


class HalfStep(TypedDict):
    """One half of a step of a clustering by centres: ``assign`` points to centres, or ``update`` the centres.

    ``step`` counts from 1, both halves of a step have the same. ``inertia`` is the total cost of the points to their
    centres after this half, ``centers`` (n_clusters, n_features) are the centres then. ``labels`` are those of every
    ``stride``-th point, so that keeping them costs little however many points there are; ``digest`` is a number made
    of all labels, and ``changed`` how many of them this half-step changed.
    """

    step: int
    half: Half
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
