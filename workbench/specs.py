"""The vocabulary: what an activation, a loss, a layer, ... is. A plugin file builds these and nothing else.

Functions are plain Python: no decorator, no Numba. They may call ``math`` and ``numpy`` functions, Python's
``abs min max`` and helpers of their own, in any file; numbers written in them take the network's precision.
Parameters with a default are the plugin's options.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Gt, Lt

from workbench.errors import PluginError
from workbench.options import REQUIRED, Option, check_options, options_of

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.animation import Animation
    from matplotlib.figure import Figure as MatplotlibFigure

Task = Literal["classification", "regression", "clustering"]
Shape = tuple[int, ...]


def first_line(*candidates: Any) -> str:
    """First line of the first docstring there is, without its full stop."""
    for candidate in candidates:
        text = inspect.getdoc(candidate) if candidate is not None else None
        signature = f"{getattr(candidate, '__name__', '')}("  # what a dataclass without a docstring gets as one
        if text and not text.startswith(signature):
            return text.splitlines()[0].rstrip(".")
    return ""


@dataclass(frozen=True)
class Spec:
    """What every registered plugin has: a name, options and a one-line description."""

    name: str
    function: Callable

    kind: ClassVar[str]
    arguments: ClassVar[tuple[str, ...]] = ()  # what the workbench passes; every other parameter is an option

    @property
    def description(self) -> str:
        """First line of the function's docstring, or of its file's."""
        return first_line(self.function, sys.modules.get(self.function.__module__))

    @property
    def options(self) -> dict[str, Option]:
        return options_of(self.function, skip=self.arguments)

    def check(self, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """All options with their values; ``ConfigError`` for a bad one."""
        return check_options(f"{self.kind} {self.name!r}", self.options, given, where)


def _check_signatures(
    owner: str, functions: Sequence[tuple[Callable, tuple[str, ...]]], reserved: Sequence[str]
) -> None:
    """``PluginError`` unless all take their arguments and then the same options: they are passed by position.

    Those of the first go by these names, too: whatever else it takes is an option, of a name that is not ``reserved``.
    """
    (first, given), *others = functions
    for function, arguments in functions:
        names = tuple(options_of(function))[: len(arguments)]
        if len(names) < len(arguments) or (function is first and names != arguments):
            raise PluginError(f"{owner}: {_headline(function)} must take ({', '.join(arguments)}), then its options.")
        parameters = inspect.signature(function).parameters.values()
        if named := [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]:
            raise PluginError(
                f"{owner}: {_headline(function)} takes {', '.join(named)} by keyword only, as compiled code cannot: "
                "leave out the '*'."
            )
    expected = list(options_of(first).values())[len(given) :]
    if taken := [option.name for option in expected if option.name in reserved]:
        raise PluginError(
            f"{owner}: {_headline(first)}: an option must not be called {' or '.join(taken)}, which is what the "
            "workbench passes; give it another name."
        )
    for other, given in others:
        options = list(options_of(other).values())[len(given) :]
        if [option.name for option in options] != [option.name for option in expected] or any(
            REQUIRED not in defaults and defaults[0] != defaults[1]
            for defaults in ((a.default, b.default) for a, b in zip(expected, options, strict=True))
        ):
            raise PluginError(
                f"{owner}: {_headline(first)} and {_headline(other)} must take the same options, in the same order "
                "and with the same defaults."
            )


def _headline(function: Callable) -> str:
    return f"{_name(function)}{inspect.signature(function)}"


def _name(function: Callable) -> str:
    return getattr(function, "__name__", repr(function))


@dataclass(frozen=True)
class Activation(Spec):
    """An activation a = f(z).

    Elementwise (the default): ``function(z) -> a`` and ``derivative(z, a) -> da/dz`` on scalars; both take the
    same options after these, in the same order. Without a ``derivative`` one is derived from the function's source.
    ``row=True``: ``function(z, a)`` fills ``a`` from one row ``z`` (both 1-d), and ``derivative(grad_a, z, a, grad_z)``
    fills ``grad_z``. ``initializer`` is what its weights start best from. ``PluginError`` where the options differ, or
    no derivative can be had.
    """

    derivative: Callable | None = None
    row: bool = False
    initializer: str = "glorot_uniform"

    kind = "activation"
    arguments = ("z", "a")

    def __post_init__(self) -> None:
        owner = f"activation {self.name!r}"
        given = (("z", "a"), ("grad_a", "z", "a", "grad_z")) if self.row else (("z",), ("z", "a"))
        functions = [each for each in (self.function, self.derivative) if each is not None]
        _check_signatures(owner, list(zip(functions, given, strict=False)), (*given[0], *given[1]))
        if self.derivative is None:
            example = f'Activation("{self.name}", {_name(self.function)}, derivative'
            if self.row:
                raise PluginError(f"{owner} is row=True: give a derivative that fills grad_z, {example}, row=True).")
            from workbench.derive import derivative_of

            object.__setattr__(self, "derivative", derivative_of(self.function, owner, f"{example})"))


@dataclass(frozen=True)
class Fused:
    """A loss together with the activation before it, stated on the pre-activation ``z`` where it is stable.

    Same signatures as ``Loss.function`` and ``Loss.gradient``, with ``z`` in place of ``y_pred``; the gradient may be
    left out in the same way.
    """

    function: Callable
    gradient: Callable | None = None


@dataclass(frozen=True)
class Loss(Spec):
    """A loss of one sample, L(y_true, y_pred).

    Elementwise (the default): ``function(y_true, y_pred)`` and ``gradient(y_true, y_pred) -> dL/dy_pred`` on
    scalars; a sample's loss is the sum over its outputs. Without a ``gradient`` one is derived from the function's
    source. ``row=True``: ``function(y_true, y_pred, grad) -> float`` on one row (1-d arrays) also fills ``grad`` with
    dL/dy_pred, since the two share most of their work, and there is no ``gradient``. ``PluginError`` for one too many,
    or one that cannot be derived.

    ``targets`` states how class labels are encoded and what targets are valid: ``"real"`` any number (classes
    one-hot), ``"unit"`` numbers in [0, 1] (classes one-hot), ``"distribution"`` rows that sum to one (classes
    one-hot), ``"sign"`` -1 and +1. Only ``"real"`` fits a regression. ``reductions`` are the ways a batch's
    losses may be combined: ``mean`` over samples, ``sum``, ``half_sum`` (half the sum).
    ``fused`` maps an activation's name to the stable form of the pair. All forms take the same options.
    """

    gradient: Callable | None = None
    row: bool = False
    targets: Literal["real", "unit", "distribution", "sign"] = "real"
    reductions: tuple[str, ...] = ("mean", "sum")
    fused: Mapping[str, Fused] = field(default_factory=dict)

    kind = "loss"
    arguments = ("y_true", "y_pred", "grad")

    def __post_init__(self) -> None:
        forms = {self.name: self} | {f"{self.name} after {name}": fused for name, fused in self.fused.items()}
        for name, form in forms.items():
            if self.row and form.gradient is not None:
                raise PluginError(f"loss {name!r} is row=True: its function fills grad, so it has no gradient.")
        functions = [each for form in forms.values() for each in (form.function, form.gradient) if each is not None]
        given = self.arguments if self.row else self.arguments[:2]
        _check_signatures(f"loss {self.name!r}", [(each, given) for each in functions], ("z", *self.arguments))
        if not self.row and None in [form.gradient for form in forms.values()]:
            self._derive_gradients()

    def _derive_gradients(self) -> None:
        from workbench.derive import gradient_of

        complete = {}
        for name, fused in self.fused.items():
            owner, example = f"loss '{self.name} after {name}'", f"Fused({_name(fused.function)}, gradient)"
            complete[name] = Fused(fused.function, fused.gradient or gradient_of(fused.function, owner, example))
        object.__setattr__(self, "fused", complete)
        if self.gradient is None:
            example = f'Loss("{self.name}", {_name(self.function)}, gradient), or row=True'
            object.__setattr__(self, "gradient", gradient_of(self.function, f"loss {self.name!r}", example))


@dataclass(frozen=True)
class Parameter:
    """An array a layer owns. ``initializer=None`` takes the network's; ``trainable=False`` keeps the optimizer away."""

    shape: Shape
    fan_in: int = 1
    fan_out: int = 1
    initializer: str | None = None
    trainable: bool = True


@dataclass(frozen=True)
class LayerShape:
    """What a layer needs for one input shape; all shapes are per sample, without the batch axis.

    Diagnostics by layer (``gradients/norm_by_layer``) are of the trainable parameter called ``weight``, or else of the
    first, where that has two axes or more. ``workspace`` arrays are ``(batch, *shape)`` and live from forward to
    backward; ``saved`` arrays have no batch axis. ``constants`` are numbers and ``tables`` int64 arrays (of indices,
    say) that the kernels take by name.
    """

    output: Shape
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    workspace: Mapping[str, Shape] = field(default_factory=dict)
    saved: Mapping[str, Shape] = field(default_factory=dict)
    constants: Mapping[str, int | float] = field(default_factory=dict)
    tables: Mapping[str, np.ndarray] = field(default_factory=dict)


class Layer:
    """Base of a layer: a frozen dataclass whose fields are the options.

    ``build(input_shape)`` checks the shape (raise ``ConfigError``) and returns a ``LayerShape``. ``forward`` and
    ``backward`` are static functions on arrays that name what they need among: ``x`` and ``output``
    ``(batch, *shape)``; in backward also ``grad_output`` (given) and ``grad_x`` (to fill; empty when nobody needs it);
    every parameter, and ``grad_`` + parameter (to fill, of the same shape); every workspace, saved, constant and table
    name; ``training`` (bool), ``key`` (int64, new each step and layer: the seed of any noise) and ``first_row``
    (index of row 0 in the batch, so that noise does not depend on how the batch was divided).

    Threads share a batch out by rows: a kernel sees some of them, perhaps none, and ``backward`` still fills its
    parameters' gradients, with zeros then. A kernel that names ``start`` and ``stop`` is shared out by features
    instead: it sees every row, and does what concerns [start, stop) of the last axis of ``output``, or in ``backward``
    of ``x``, perhaps nothing. So does a layer whose rows depend on each other, or whose weight is large.

    A layer without ``forward`` and ``backward`` hands its input on in another shape.
    """

    name: ClassVar[str]
    kind: ClassVar[str] = "layer"

    def __init_subclass__(cls) -> None:
        if (cls.forward is None) != (cls.backward is None):
            raise PluginError(f"layer {cls.__name__} needs both forward and backward, or neither if it is a view.")

    def build(self, input_shape: Shape) -> LayerShape:
        raise NotImplementedError

    forward: ClassVar[Callable | None] = None
    backward: ClassVar[Callable | None] = None

    @classmethod
    def spec(cls) -> Spec:
        return LayerSpec(cls.name, cls)


@dataclass(frozen=True)
class LayerSpec(Spec):
    """How a ``Layer`` class stands in the registry; calling it builds the layer."""

    kind = "layer"

    @property
    def options(self) -> dict[str, Option]:
        own = options_of(self.function)
        return {f.name: own[f.name] for f in fields(self.function) if f.init}  # type: ignore[arg-type]

    def __call__(self, **options: Any) -> Layer:
        return self.function(**self.check(options))


@dataclass(frozen=True)
class Optimizer(Spec):
    """An update rule for one weight.

    ``function(weight, grad, *state, lr, step, *options) -> (weight, *state)`` on scalars, ``step`` counting from 1.
    Parameters that are none of ``weight grad lr step`` and have no default are state, one number per weight, zero at
    first. ``lr`` is the default learning rate. ``simpler(options)`` may return a cheaper rule (less state) that
    computes the same for these options, or None.
    """

    lr: float = 0.01
    simpler: Callable[[Mapping[str, Any]], Callable | None] | None = None

    kind = "optimizer"
    arguments = ("weight", "grad", "lr", "step")

    @property
    def options(self) -> dict[str, Option]:
        declared = options_of(self.function, skip=self.arguments)
        rate = Option("lr", self.lr, Annotated[float, Gt(0), Lt(math.inf)])
        return {"lr": rate} | {n: o for n, o in declared.items() if not o.required}


@dataclass(frozen=True)
class Schedule(Spec):
    """A learning-rate schedule: ``function(step, total_steps, steps_per_epoch, **options)`` -> factor on ``lr``.

    ``step`` counts from 0; the function is called with an array of one step or more and returns an array of as many.
    """

    kind = "schedule"
    arguments = ("step", "total_steps", "steps_per_epoch")


@dataclass(frozen=True)
class Initializer(Spec):
    """Initial values: ``function(rng, shape, fan_in, fan_out, **options)`` -> float64 array of ``shape``."""

    kind = "initializer"
    arguments = ("rng", "shape", "fan_in", "fan_out")


@dataclass(frozen=True)
class Data:
    """A loaded data set: ``X`` (n_samples, *input_shape), ``y`` (n_samples,) or (n_samples, n_outputs).

    ``y`` None: there is nothing to be predicted, only samples to be clustered.
    """

    X: np.ndarray
    y: np.ndarray | None = None
    feature_names: Sequence[str] = ()
    target_names: Sequence[str] = ()


@dataclass(frozen=True)
class Dataset(Spec):
    """A data set: ``function(**options) -> Data``; one that draws random numbers has an option ``seed``.

    ``task`` None: the data decide (integer or text targets are classes, no targets are for clustering).
    """

    task: Task | None = None

    kind = "dataset"


@dataclass(frozen=True)
class Estimator(Spec):
    """A supervised learner: ``function(task, **options)`` -> an unfitted scikit-learn estimator for that task."""

    kind = "estimator"
    arguments = ("task",)

    def __post_init__(self) -> None:
        if next(iter(options_of(self.function)), None) != "task":
            raise PluginError(
                f"estimator {self.name!r}: {_headline(self.function)} must take (task), then its options."
            )


@dataclass(frozen=True)
class Metric(Spec):
    """A distance, and the rule for the centre of a group of points that belongs to it.

    ``function(x, y) -> float`` is the distance of two points (1-d arrays, n_features). ``center(points, center)`` fills
    ``center`` (n_features,) from ``points`` (n, n_features), n >= 1, with a point of least total ``cost(x, center)``.
    ``cost(x, y) -> float`` rises with the distance, so that the nearest centre is the cheapest; None is the distance
    itself. What a clustering by centres adds up, its inertia, is the cost. A rule that does not minimise it is refused
    by the conformance check.

    ``squared_euclidean`` states that cost is the sum of squared differences and the centre the mean: this is then
    computed by faster means. ``n_features`` is how many a point must have, and ``unit`` what its coordinates must be
    in, such as degrees, if these are fixed; standardised data have no unit. ``check_points(X)`` raises ``DataError``
    for points between which there is no such distance.
    """

    center: Callable
    cost: Callable | None = None
    squared_euclidean: bool = False
    n_features: int | None = None
    unit: str | None = None
    check_points: Callable[[np.ndarray], None] | None = None

    kind = "metric"
    arguments = ("x", "y")


@dataclass(frozen=True)
class Clusterer(Spec):
    """A clustering method: ``function(**options)`` -> an unfitted scikit-learn clusterer.

    ``workbench.clusterer`` makes one from a function of the points; any class that keeps scikit-learn's conventions
    will do as well.
    """

    kind = "clusterer"

    def __call__(self, **options: Any) -> Any:
        return self.function(**self.check(options))


@dataclass(frozen=True)
class Figure(Spec):
    """A figure: ``function(subject) -> matplotlib Figure`` or ``Animation``, or None where it does not apply.

    ``of="run"`` draws one run's record, ``of="sweep"`` a whole sweep. ``finding(subject) -> str`` may state in words
    what the figure shows, computed from the same numbers.
    """

    function: Callable[[Any], MatplotlibFigure | Animation | None]
    of: Literal["run", "sweep"] = "run"
    finding: Callable[[Any], str] | None = None

    kind = "figure"

    @property
    def options(self) -> dict[str, Option]:
        """None: it is given the record alone, under whatever name, and may annotate it by what is not imported."""
        return {}


KINDS: dict[str, str] = {
    "activation": "register_activations",
    "loss": "register_losses",
    "layer": "register_layers",
    "optimizer": "register_optimizers",
    "schedule": "register_schedules",
    "initializer": "register_initializers",
    "metric": "register_metrics",
    "clusterer": "register_clusterers",
    "estimator": "register_estimators",
    "dataset": "register_datasets",
    "figure": "register_figures",
}
