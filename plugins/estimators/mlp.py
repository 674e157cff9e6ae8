"""Multi-layer perceptron: dense layers, each followed by an activation, then an output layer for the task."""

import math
from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from workbench import Estimator, get, hookimpl


def mlp(
    task,
    *,
    depth: Annotated[int, Ge(0)] = 2,
    width: Annotated[int, Ge(1)] = 32,
    activation: str | Mapping[str, Any] = "relu",
    output: str = "auto",
    loss: str | Mapping[str, Any] = "auto",
    reduction: str = "mean",
    initializer: str | Mapping[str, Any] = "auto",
    optimizer: str | Mapping[str, Any] = "sgd",
    lr: Annotated[float, Gt(0), Lt(math.inf)] | None = None,
    schedule: str | Mapping[str, Any] = "constant",
    batch_size: Annotated[int, Ge(1)] = 32,
    epochs: Annotated[int, Ge(0)] = 20,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    batch_norm: bool = False,
    dtype: str = "float32",
    threads: Annotated[int, Ge(1)] | None = None,
    seed: Annotated[int, Ge(0)] = 0,
):
    """Multi-layer perceptron of ``depth`` hidden layers, ``width`` units each.

    ``auto``: the initializer its activation wants; cross-entropy after softmax for classes, squared error after a
    linear output for numbers; the output that belongs to the loss. ``lr`` overrides the optimizer's own.
    """
    from workbench import NetworkClassifier, NetworkRegressor

    hidden = get("activation", _name(activation))
    layers = []
    for _ in range(depth):
        layers.append({"dense": {"units": width}})
        if batch_norm:
            layers.append("batch_norm")
        layers.append(activation)
        if dropout:
            layers.append({"dropout": {"rate": dropout}})
    if lr is not None:
        name = _name(optimizer)
        optimizer = {name: {**({} if isinstance(optimizer, str) else optimizer[name] or {}), "lr": lr}}
    estimator = (NetworkClassifier if task == "classification" else NetworkRegressor)(
        layers,
        output=output,
        loss=loss,
        reduction=reduction,
        initializer=hidden.initializer if initializer == "auto" else initializer,
        optimizer=optimizer,
        schedule=schedule,
        batch_size=batch_size,
        epochs=epochs,
        dtype=dtype,
        threads=threads,
        random_state=seed,
    )
    estimator.check()
    return estimator


def _name(choice: str | Mapping[str, Any]) -> str:
    return choice if isinstance(choice, str) else next(iter(choice), "")


@hookimpl
def register_estimators():
    return [Estimator("mlp", mlp)]
