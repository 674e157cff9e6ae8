"""``workbench plugins NAME``: what a plugin is, what it is made of, where it is used, and what it looks like."""

from __future__ import annotations

import inspect
import math
import os
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import annotated_types
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

import workbench
from workbench.errors import PluginError, WorkbenchError
from workbench.registry import Entry, Listener, registry
from workbench.specs import (
    Activation,
    Dataset,
    Figure,
    LayerSpec,
    Loss,
    Metric,
    Optimizer,
    Spec,
    first_line,
)

_TARGETS = {
    "real": "any number; classes as one-hot rows",
    "unit": "numbers in [0, 1]; classes as one-hot rows",
    "distribution": "rows that sum to one; classes as one-hot rows",
    "sign": "-1 and +1; classes likewise",
}


def describe(name: str) -> None:
    """Print what is known of every plugin that is registered as ``name``, or as ``kind.name``.

    Raises ``UnknownName``, ``DuplicateName``, and, when all else is said, ``ConfigError`` for a picture in the way.
    """
    found = registry()
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    listeners = [each for each in found.listeners() if each.plugin == name]
    try:
        entries = found.named(name)
    except WorkbenchError:
        if not listeners:
            raise
        entries = []
    for listener in listeners:
        _describe_listener(console, listener)
    for entry in entries:
        _describe(console, entry)
    for entry in entries:
        _draw(console, entry.spec)


def _describe(console: Console, entry: Entry) -> None:
    spec = entry.spec
    _heading(console, f"{spec.kind} {spec.name}")
    _facts(console, [*_origin(entry.origin, entry.plugin, entry.file), *_facts_of(spec)])
    for text in _documents(spec.function):
        console.print(Text(f"\n{text}"))
    if not isinstance(spec, Figure):
        _options(console, spec)
    for title, function in _functions(spec):
        _section(console, title, _source(function))
    if isinstance(spec, LayerSpec):
        _section(console, *_example(spec))
    if isinstance(spec, Activation) and not spec.row:
        _section(console, "numerical passport", _passport(spec))
    _section(console, "used in", "\n".join(_uses(spec)) or "no file of the configuration")


def _describe_listener(console: Console, listener: Listener) -> None:
    plugin = registry().manager.get_plugin(listener.plugin)
    hooks = sorted({caller.name for caller in registry().manager.get_hookcallers(plugin) or ()})
    _heading(console, f"lifecycle {listener.plugin}")
    file = inspect.getsourcefile(plugin) if inspect.ismodule(plugin) else None
    heard = ", ".join(hook for hook in hooks if not hook.startswith("register_"))
    _facts(console, [*_origin(listener.origin, listener.plugin, file or ""), ("hears", heard)])
    console.print(Text(f"\n{inspect.getdoc(plugin) or ''}"))


def _origin(origin: str, plugin: str, file: str) -> Iterator[tuple[str, str]]:
    version = f", workbench {workbench.__version__}" if origin == "built-in" else ""
    yield "origin", f"{origin}{version}"
    yield "plugin", plugin
    if file and not (os.path.exists(origin) and os.path.samefile(origin, file)):
        yield "file", file


def _facts_of(spec: Spec) -> Iterator[tuple[str, str]]:
    """What is special to the kind."""
    match spec:
        case Activation():
            yield "works on", "whole rows" if spec.row else "single numbers"
            yield "initializer", f"{spec.initializer}, for the weights before it"
        case Loss():
            yield "works on", "whole rows" if spec.row else "single numbers; a sample's loss is the sum"
            yield "targets", _TARGETS[spec.targets]
            yield "reductions", ", ".join(spec.reductions)
            yield "fuses with", ", ".join(spec.fused) or "no activation"
        case LayerSpec():
            from workbench.network.operands import is_wide

            layer: Any = spec.function
            yield "shared out", _shared(layer.backward and is_wide(layer.backward))
        case Optimizer():
            own = inspect.signature(spec.function).parameters
            states = [name for name in own if name not in spec.arguments and name not in spec.options]
            yield "default lr", f"{spec.lr:g}"
            yield "state", f"{', '.join(states)}; each a number a weight, 0 at first" if states else "none"
            if spec.simpler:
                yield "simpler", "a rule with less state where the options allow it"
        case Metric():
            yield "features", "any number of them" if spec.n_features is None else str(spec.n_features)
            yield "cost", _called(spec.cost) if spec.cost else "the distance itself"
            yield "centre", _called(spec.center)
            if spec.squared_euclidean:
                yield "fast", "the cost is the sum of squared differences and the centre the mean"
        case Dataset():
            yield "task", spec.task or "as the data decide"
        case Figure():
            yield "of", f"a {spec.of}"
            yield "finding", "stated in words" if spec.finding else "none"


def _called(function: Callable) -> str:
    """Its name and the first line of what it says of itself."""
    return ": ".join(filter(None, (getattr(function, "__name__", repr(function)), first_line(function))))


def _shared(wide: bool | None) -> str:
    return {None: "not at all: a view of the same numbers", True: "by features", False: "by rows"}[wide]


def _documents(function: Callable) -> Iterator[str]:
    """The docstrings of the function and of its file, in full."""
    known: list[str] = []
    for candidate in (function, sys.modules.get(function.__module__)):
        text = inspect.getdoc(candidate) if candidate else None
        if text and text not in known and not text.startswith(f"{getattr(candidate, '__name__', '')}("):
            known.append(text)
    yield from known


def _functions(spec: Spec) -> Iterator[tuple[str, Callable]]:
    """What an activation or a loss computes with."""
    from workbench.derive import source_of

    parts: list[tuple[str, Callable | None]] = []
    if isinstance(spec, Activation):
        parts = [("function", spec.function), ("derivative", spec.derivative)]
    if isinstance(spec, Loss):
        parts = [("function", spec.function), ("gradient", spec.gradient)]
        for name, form in spec.fused.items():
            parts += [(f"function, {name} included", form.function), (f"gradient, {name} included", form.gradient)]
    for title, function in parts:
        if function is not None:
            yield f"{title}, worked out from the function" if source_of(function) else title, function


def _source(function: Callable) -> str:
    from workbench.derive import source_of

    try:
        return (source_of(function) or textwrap.dedent(inspect.getsource(function))).rstrip()
    except (OSError, TypeError):
        return "its source cannot be read"


def _options(console: Console, spec: Spec) -> None:
    try:
        options = spec.options
    except PluginError as error:
        _section(console, "options", str(error))
        return
    if not options:
        _section(console, "options", "none")
        return
    console.print(Text("\noptions", style="bold"))
    table = Table("option", "type", "default", box=box.SIMPLE)
    for name, option in options.items():
        table.add_row(
            *map(Text, (name, readable(option.annotation), "needed" if option.required else repr(option.default)))
        )
    console.print(table)


def readable(annotation: Any) -> str:
    """A type as it is read: ``float > 0``, ``0 <= float < 1``, ``"km" | "degrees"``, ``int >= 1 or None``."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        kind, *constraints = arguments
        return _constrained(readable(kind), list(_flat(constraints)))
    if origin is Literal:
        return " | ".join(f'"{value}"' if isinstance(value, str) else repr(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(map(readable, arguments))
    if annotation is Any:
        return "any"
    if annotation in (None, type(None)):
        return "None"
    if annotation is Ellipsis:
        return "..."
    name = getattr(origin or annotation, "__name__", str(annotation))
    return f"{name}[{', '.join(map(readable, arguments))}]" if arguments else name


def _flat(constraints: Sequence[Any]) -> Iterator[Any]:
    for constraint in constraints:
        if isinstance(constraint, annotated_types.GroupedMetadata):
            yield from _flat(list(constraint))
        else:
            yield from _flat(constraint.metadata) if hasattr(constraint, "metadata") else (constraint,)


def _constrained(kind: str, constraints: Sequence[Any]) -> str:
    below = above = ""
    others = []
    for constraint in constraints:
        match constraint:
            case annotated_types.Gt(gt=bound):
                below = f"{bound} < "
            case annotated_types.Ge(ge=bound):
                below = f"{bound} <= "
            case annotated_types.Lt(lt=bound):
                above = f" < {bound}"
            case annotated_types.Le(le=bound):
                above = f" <= {bound}"
            case annotated_types.MinLen(min_length=n):
                others.append(f"at least {n} long")
            case annotated_types.MaxLen(max_length=n):
                others.append(f"at most {n} long")
            case annotated_types.MultipleOf(multiple_of=n):
                others.append(f"a multiple of {n}")
            case str():  # a word on what it means
                others.append(constraint)
    if below and not above:  # "float > 0" rather than "0 < float"
        bound, sign = below.split()
        below, above = "", f" {sign.replace('<', '>')} {bound}"
    return ", ".join([f"{below}{kind}{above}", *others])


def _example(spec: LayerSpec) -> tuple[str, str]:
    """Parameters and shapes for the samples that say most: the largest of those tried with the defaults."""
    from workbench.testing.instruments.batches import tried
    from workbench.testing.instruments.options import in_words

    found = tried(spec)
    usual = [case for case in found.cases if case.stage.chosen.options == found.base]
    if not usual:
        return "example", "it could not be built for any shape of samples that was tried"
    stage = max(usual, key=lambda case: math.prod(case.shape)).stage
    needed = {name: value for name, value in found.base.items() if spec.options[name].required}
    lines = [f"samples of shape {stage.input_shape} become {stage.shape.output}"]
    for name, parameter in stage.shape.parameters.items():
        initializer = parameter.initializer or "the network's initializer"
        lines.append(f"{name} {parameter.shape}: {initializer if parameter.trainable else 'not trained'}")
    if not stage.shape.parameters:
        lines.append("no parameters")
    return f"example: {spec.name}({in_words(needed)})", "\n".join(lines)


def _passport(spec: Activation) -> str:
    from workbench.testing.checks import CheckSkipped, raised
    from workbench.testing.passport import passport

    try:
        return str(passport(spec))
    except (WorkbenchError, CheckSkipped) as error:
        return f"none: {error}"
    except Exception as error:  # a stranger's function may raise anything
        return f"none: {raised(error)}"


def _uses(spec: Spec) -> list[str]:
    from workbench.authors.uses import uses

    return uses(spec.kind, spec.name)


def _draw(console: Console, spec: Spec) -> None:
    from workbench.authors.picture import picture

    try:
        file = picture(spec)
    except PluginError as error:
        _section(console, "picture", f"none: {error}")
        return
    if file:
        _section(console, "picture", str(file))


def _heading(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))


def _facts(console: Console, facts: Sequence[tuple[str, str]]) -> None:
    here = os.path.join(os.getcwd(), "")
    for name, text in facts:
        console.print(Text(f"  {name:<12} {text.removeprefix(here)}"), soft_wrap=True)


def _section(console: Console, title: str, text: str) -> None:
    console.print(Text(f"\n{title}", style="bold"))
    console.print(Text(textwrap.indent(text, "  ")), soft_wrap=True)
