"""Early stopping: training ends when the validation loss no longer falls, and the best epoch is what is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np


class EarlyStopping:
    """Waits ``patience`` epochs for a lower validation loss, and keeps what ``arrays`` were when it was lowest."""

    def __init__(self, arrays: Mapping[str, np.ndarray], patience: int) -> None:
        self.arrays, self.patience = arrays, patience
        self.lowest, self.since = math.inf, 0
        self.best_epoch: int | None = None
        self.best: dict[str, np.ndarray] = {}

    def is_due(self, epoch: int, loss: float) -> bool:
        """Whether this epoch is the last of so many without a lower loss."""
        self.since += 1
        if loss < self.lowest:
            self.lowest, self.since, self.best_epoch = loss, 0, epoch
            self.best = {name: array.copy() for name, array in self.arrays.items()}
        return self.since >= self.patience

    def restore(self) -> int | None:
        """Go back to the best epoch, if the loss was ever finite, and name it."""
        for name, array in self.best.items():
            self.arrays[name][...] = array
        return self.best_epoch
