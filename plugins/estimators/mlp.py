"""Multi-layer perceptron: dense layers, each followed by an activation, then an output layer for the task."""

from typing import Annotated

from annotated_types import Ge, Lt

from workbench import Estimator, hookimpl
from workbench.plugins.estimators import _network


@_network.learner()
def mlp(
    activation,
    *,
    depth: Annotated[int, Ge(0)] = 2,
    width: Annotated[int, Ge(1)] = 32,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    batch_norm: bool = False,
):
    """Multi-layer perceptron of ``depth`` hidden layers, ``width`` units each; images are taken as rows of pixels."""
    layers = ["flatten"]
    for _ in range(depth):
        layers.append({"dense": {"units": width}})
        if batch_norm:
            layers.append("batch_norm")
        layers.append(activation)
        if dropout:
            layers.append({"dropout": {"rate": dropout}})
    return layers


@hookimpl
def register_estimators():
    return [Estimator("mlp", mlp)]
