"""How often a network that a run kept is right, measured as it predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from workbench.experiment.data import Prepared
    from workbench.network import Network


def on_training(network: Network, data: Prepared) -> float:
    """Not what a run says of its training, a mean over an epoch in which weights changed and units were dropped."""
    return _accuracy(network, data, data.X_train, data.y_train)


def on_validation(network: Network, data: Prepared) -> float:
    return _accuracy(network, data, data.X_validation, data.y_validation)


def _accuracy(network: Network, data: Prepared, X: np.ndarray, y: np.ndarray) -> float:
    import numpy as np

    classes = np.unique(data.y_train)  # the network numbers them
    return float((network.predict(X) == np.searchsorted(classes, y)).mean())
