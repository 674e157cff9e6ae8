"""Networks: a list of layers planned into memory, trained by compiled programs."""

from workbench.network.estimators import NetworkClassifier, NetworkRegressor
from workbench.network.network import Network

__all__ = ["Network", "NetworkClassifier", "NetworkRegressor"]
