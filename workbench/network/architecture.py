"""From the list of layers a user writes to stages with checked options and known shapes."""

from __future__ import annotations

import math
import numbers
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from workbench.errors import ConfigError, PluginError, WorkbenchError
from workbench.network.operands import is_wide
from workbench.registry import Entry, registry
from workbench.specs import Activation, Layer, LayerShape, Loss, Shape

_TAKE_NUMBERS = ("activation", "loss", "optimizer")  # these run compiled, and get their options as numbers

Choice = str | Mapping[str, Any]  # "relu" or {"leaky_relu": {"negative_slope": 0.2}}


@dataclass(frozen=True)
class Chosen:
    """A registered plugin with its options."""

    entry: Entry
    options: Mapping[str, Any]

    @property
    def spec(self) -> Any:
        return self.entry.spec

    @property
    def owner(self) -> str:
        """How errors name it."""
        return f"plugin {self.entry.spec.name!r} ({self.entry.file})"

    @contextmanager
    def asked(self, what: str) -> Iterator[None]:
        """Whatever its functions raise becomes a ``PluginError`` that says ``what`` was asked, the line and why."""
        try:
            yield
        except WorkbenchError:
            raise
        except Exception as error:  # a stranger's function may raise anything
            frames = traceback.extract_tb(error.__traceback__)
            place = next((each for each in reversed(frames) if each.filename == self.entry.file), frames[-1])
            raise PluginError(
                f"{self.owner}: {what}, line {place.lineno} of {place.filename}: {type(error).__name__}: {error}"
            ) from error


@dataclass(frozen=True)
class Stage:
    """One entry of the list of layers, built for its input shape."""

    index: int
    chosen: Chosen
    layer: Layer | None
    input_shape: Shape
    shape: LayerShape

    @property
    def name(self) -> str:
        return self.chosen.spec.name

    @property
    def activation(self) -> Activation | None:
        return self.chosen.spec if self.layer is None else None

    @property
    def is_view(self) -> bool:
        """Whether the output is the input in another shape."""
        return self.layer is not None and self.layer.forward is None

    @property
    def is_wide(self) -> bool:
        """Whether its gradients are shared out by features, not by rows."""
        return self.layer is not None and self.layer.backward is not None and is_wide(self.layer.backward)

    @property
    def options(self) -> tuple[float, ...]:
        return tuple(float(value) for value in self.chosen.options.values())

    @property
    def trainable(self) -> list[str]:
        """Names of the parameters that are trained; first the one that diagnostics look at."""
        names = [name for name, parameter in self.shape.parameters.items() if parameter.trainable]
        return sorted(names, key=lambda name: name != "weight")

    @property
    def n_parameters(self) -> int:
        return sum(math.prod(self.shape.parameters[name].shape) for name in self.trainable)

    def __str__(self) -> str:
        return f"layer {self.index} ({self.name})"


def choose(kind: str, choice: Choice, where: str = "") -> Chosen:
    """Look up ``"name"`` or ``{"name": {options}}``; raises as the registry does, and ``ConfigError`` for an option."""
    return _choose((kind,), choice, where)


def choose_layers(layers: Sequence[Choice]) -> list[Chosen]:
    """The plugins a list of layers names; an activation's name may stand in it directly."""
    if isinstance(layers, str | Mapping) or not isinstance(layers, Sequence):
        raise ConfigError(f"layers must be a list such as [{{'dense': {{'units': 32}}}}, 'relu'], not {layers!r}.")
    return [_choose(("layer", "activation"), choice, f"layers[{i}]") for i, choice in enumerate(layers)]


def build_stages(chosen: Sequence[Chosen], input_shape: Shape) -> list[Stage]:
    """Stages with shapes worked out from ``input_shape`` (without the batch axis)."""
    stages = []
    for index, each in enumerate(chosen):
        layer, shape = None, LayerShape(output=input_shape)
        if each.spec.kind == "layer":
            try:
                layer, shape = _built(each, input_shape)
                shape = _checked(layer, shape, input_shape, each.owner)
            except ConfigError as error:
                raise ConfigError(f"layers[{index}]: {error}") from None
        elif each.spec.row and len(input_shape) > 1:
            raise ConfigError(
                f"layers[{index}]: {each.spec.name} takes one row of numbers, not samples of shape {input_shape}: put "
                "flatten or global_avg_pool2d before it."
            )
        elif each.spec.row and math.prod(input_shape) < 2:
            raise ConfigError(
                f"layers[{index}]: {each.spec.name} over a single output is always 1: "
                "use sigmoid, or give the layer before it at least 2 units."
            )
        stages.append(Stage(index, each, layer, input_shape, shape))
        input_shape = shape.output
    return stages


def _built(chosen: Chosen, input_shape: Shape) -> tuple[Layer, LayerShape]:
    """The layer, and what its ``build`` returns. Raises ``PluginError`` where that is mistaken."""
    with chosen.asked(f"build({input_shape})"):
        layer: Layer = chosen.spec(**chosen.options)
        if type(layer).build is Layer.build:
            raise PluginError(f"{chosen.owner}: it has no build(input_shape), which every layer needs.")
        shape = layer.build(input_shape)
    if not isinstance(shape, LayerShape):
        raise PluginError(f"{chosen.owner}: build({input_shape}) returned {shape!r}; it must return a LayerShape.")
    output = shape.output
    if not isinstance(output, tuple) or not all(isinstance(n, int | np.integer) and n > 0 for n in output):
        raise PluginError(
            f"{chosen.owner}: build({input_shape}) returned the output shape {output!r}; it must be a tuple of whole "
            "numbers of at least 1."
        )
    return layer, shape


_RESERVED = {"x", "output", "grad_output", "grad_x", "training", "key", "first_row", "start", "stop"}


def _checked(layer: Layer, shape: LayerShape, input_shape: Shape, owner: str) -> LayerShape:
    """What a layer's ``build`` returned, with tables as kernels read them. Raises ``PluginError``."""
    own = [*shape.parameters, *shape.workspace, *shape.saved, *shape.constants, *shape.tables]
    for name in own:
        if name in _RESERVED or own.count(name) > 1:
            raise PluginError(f"{owner}: the name {name!r} is given twice, or means something else to every kernel.")
    if layer.forward is None and (shape.parameters or math.prod(shape.output) != math.prod(input_shape)):
        raise PluginError(
            f"{owner}: without forward and backward it is a view, which has no parameters and keeps the number of "
            f"values; its build turns {input_shape} into {shape.output}."
        )
    tables = {name: np.asarray(table) for name, table in shape.tables.items()}
    for name, table in tables.items():
        if table.dtype.kind not in "iu":
            raise PluginError(f"{owner}: the table {name!r} holds {table.dtype}; tables hold whole numbers.")
    return replace(shape, tables={n: np.ascontiguousarray(table, dtype=np.int64) for n, table in tables.items()})


def gives_probabilities(stages: Sequence[Stage], loss: Loss) -> bool:
    """Whether the outputs fit ``loss``: in [0, 1] for z in [-5, 5] and, for distributions, rows that sum to one.

    Raises ``PluginError`` for an activation that raises there.
    """
    *before, last = stages
    if last.activation is None:
        return not last.n_parameters and bool(before) and gives_probabilities(before, loss)
    width = min(math.prod(last.input_shape), 10)
    z = np.linspace(-5, 5, 20 * width).reshape(width, 20).T.copy()
    with last.chosen.asked("as an output, for z from -5 to 5"):
        if last.activation.row:
            a = np.empty_like(z)
            for i in range(len(z)):
                last.activation.function(z[i], a[i], *last.options)
        else:
            a = np.vectorize(last.activation.function, otypes=[float])(z, *last.options)
    if np.array_equal(a, z):  # an identity hands on what it gets
        return bool(before) and gives_probabilities(before, loss)
    inside = bool((a >= -1e-6).all() and (a <= 1 + 1e-6).all())
    return inside and (loss.targets != "distribution" or np.allclose(a.sum(axis=1), 1, atol=1e-6))


def _choose(kinds: Sequence[str], choice: Choice, where: str) -> Chosen:
    if isinstance(choice, str):
        name: Any = choice
        given: Any = {}
    elif isinstance(choice, Mapping) and len(choice) == 1:
        ((name, given),) = choice.items()
        given = {} if given is None else given
    else:
        raise ConfigError(f"{where}: {choice!r} is neither a name nor {{name: {{options}}}}.")
    if not isinstance(name, str) or not isinstance(given, Mapping):
        raise ConfigError(f"{where}: {choice!r} is neither a name nor {{name: {{options}}}}.")
    entry = registry().find(kinds, name, where)[0]
    chosen = Chosen(entry, entry.spec.check(given, where))
    if entry.spec.kind in _TAKE_NUMBERS:
        at = f"{where}: " if where else ""
        for option, value in chosen.options.items():
            if not isinstance(value, numbers.Real):
                raise PluginError(f"{at}{chosen.owner}: its option {option} = {value!r} should be a number.")
    return chosen
