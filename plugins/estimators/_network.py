"""What learners that train a network share: the output and the training. A learner's own file lists its layers."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Lt

from workbench import get
from workbench.errors import ConfigError
from workbench.registry import registry

Choice = str | Mapping[str, Any]


def learner(too_small: str = "") -> Callable:
    """Makes an estimator's function from one that lists hidden layers, ``hidden(activation, **options)``.

    Its options are those of ``hidden`` and of ``_estimator``. A learner of images says what to do about images that are
    ``too_small`` for its layers.
    """

    def decorate(hidden: Callable[..., list]) -> Callable:
        own = [p for p in inspect.signature(hidden, eval_str=True).parameters.values() if p.kind is p.KEYWORD_ONLY]
        task, _, *shared = inspect.signature(_estimator).parameters.values()

        @functools.wraps(hidden)
        def build(task, *, activation: Choice = "relu", **options):
            described = {p.name: options.pop(p.name) for p in own if p.name in options}
            estimator = _estimator(task, hidden(activation, **described), activation=activation, **options)
            if too_small:
                estimator.check_data = functools.partial(_check_images, hidden.__name__, too_small, estimator)
            return estimator

        _, _, settings = (inspect.getdoc(_estimator) or "").partition("\n\n")
        build.__doc__ = f"{inspect.getdoc(hidden)}\n\n{settings}"
        build.__signature__ = inspect.Signature([task, *own, *shared])
        return build

    return decorate


def _check_images(name: str, too_small: str, estimator: Any, X: np.ndarray, y: np.ndarray) -> None:
    """``check_data``, with advice that a user of the learner can take: layers speak to who lists them."""
    from workbench.network.architecture import build_stages, choose_layers

    shape = X.shape[1:]
    if len(shape) != 3:
        raise ConfigError(
            f"learner {name!r} needs images of shape (height, width, channels), not samples of shape {shape}: take "
            "learner=mlp, or images from the data set (digits: dataset.flat=false)."
        )
    try:
        build_stages(choose_layers(estimator.layers), shape)
    except ConfigError as error:
        raise ConfigError(f"{error} {too_small}") from None
    type(estimator).check_data(estimator, X, y)


def _estimator(
    task,
    layers,
    *,
    activation: Choice = "relu",
    output: str = "auto",
    loss: Choice = "auto",
    reduction: str = "mean",
    initializer: Choice = "auto",
    optimizer: Choice = "adam",
    lr: Annotated[float, Gt(0), Lt(math.inf)] | None = None,
    weight_decay: Annotated[float, Ge(0), Lt(math.inf)] | None = None,
    schedule: Choice = "constant",
    batch_size: Annotated[int, Ge(1)] = 32,
    epochs: Annotated[int, Ge(0)] = 20,
    patience: Annotated[int, Ge(1)] | None = None,
    dtype: str = "float32",
    threads: Annotated[int, Ge(1)] | None = None,
    seed: Annotated[int, Ge(0)] = 0,
):
    """The estimator for ``task``, checked.

    ``auto``: the initializer its activation wants; cross-entropy after softmax for classes, squared error after a
    linear output for numbers; the output that belongs to the loss. ``lr`` and ``weight_decay`` override the optimizer's
    own. ``patience`` stops after so many epochs without a lower validation loss.
    """
    from workbench import NetworkClassifier, NetworkRegressor

    estimator = (NetworkClassifier if task == "classification" else NetworkRegressor)(
        layers,
        output=output,
        loss=loss,
        reduction=reduction,
        initializer=get("activation", _name(activation)).initializer if initializer == "auto" else initializer,
        optimizer=_with(optimizer, lr=lr, weight_decay=weight_decay),
        schedule=schedule,
        batch_size=batch_size,
        epochs=epochs,
        patience=patience,
        dtype=dtype,
        threads=threads,
        random_state=seed,
    )
    estimator.check()
    return estimator


def _with(optimizer: Choice, **options: float | None) -> Choice:
    """``optimizer`` with those of ``options`` that are given. ``ConfigError`` for one that it does not have."""
    given = {option: value for option, value in options.items() if value is not None}
    if not given:
        return optimizer
    name = _name(optimizer)
    for option in given:
        if option not in get("optimizer", name).options:
            known = [other for other in registry().names("optimizer") if option in get("optimizer", other).options]
            raise ConfigError(f"optimizer {name!r} has no {option}; these have one: {', '.join(known)}.")
    return {name: {**({} if isinstance(optimizer, str) else optimizer[name] or {}), **given}}


def _name(choice: Choice) -> str:
    return choice if isinstance(choice, str) else next(iter(choice), "")
