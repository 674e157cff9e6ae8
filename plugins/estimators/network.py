"""A network of any layers, listed one by one: where a new layer is tried."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench import Estimator, hookimpl
from workbench.plugins.estimators import _network


@_network.learner()
def network(activation, *, layers: Sequence[str | Mapping[str, Any]] = ({"dense": {"units": 32}}, "relu")):
    """Hidden layers as listed, ``layers=[{dense: {units: 32}}, batch_norm, relu]``, then the output.

    ``activation`` takes the place of ``activation`` in the list, so that it can be swept over.
    """
    return [activation if layer == "activation" else layer for layer in layers]


@hookimpl
def register_estimators():
    return [Estimator("network", network)]
