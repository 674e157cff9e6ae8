"""What experiments are made of: a data set, a learner and a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge, Le

from workbench import Data

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

    from workbench.experiment.run import Run


def codewords(
    n_samples: Annotated[int, Ge(1)] = 300,
    n_words: Annotated[int, Ge(1)] = 4,
    n_bits: Annotated[int, Ge(1)] = 16,
    noise: Annotated[float, Ge(0), Le(1)] = 0.05,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Random words of bits, one a class, sent through a channel that flips each bit with probability ``noise``."""
    rng = np.random.default_rng(seed)
    words = rng.integers(0, 2, (n_words, n_bits))
    y = np.arange(n_samples) % n_words
    X = words[y] ^ (rng.random((n_samples, n_bits)) < noise)
    return Data(X.astype(np.float64), y, [f"bit{i}" for i in range(n_bits)], [f"word{i}" for i in range(n_words)])


def neighbours(task, *, n_neighbors: Annotated[int, Ge(1)] = 5, metric: str = "euclidean"):
    """What most of the nearest training samples are, or their mean; ``metric`` as scikit-learn calls it."""
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    kind = KNeighborsClassifier if task == "classification" else KNeighborsRegressor
    return kind(n_neighbors, metric=metric)


def loss_path(run: Run) -> Canvas | None:
    """Validation loss against training loss, a point an epoch: where the path turns up, the network overfits."""
    from matplotlib.figure import Figure as Canvas

    train, validation = (dict(run.metrics.get(f"{part}/loss", ())) for part in ("train", "val"))
    epochs = sorted(train.keys() & validation.keys())
    if not epochs:
        return None
    canvas = Canvas(figsize=(4.5, 4), layout="constrained")
    ax = canvas.subplots()
    ax.plot([train[epoch] for epoch in epochs], [validation[epoch] for epoch in epochs], "o-", markersize=3)
    ax.annotate("first epoch", (train[epochs[0]], validation[epochs[0]]))
    ax.set_xlabel("training loss")
    ax.set_ylabel("validation loss")
    ax.grid(alpha=0.3)
    ax.set_title(run.name)
    return canvas
