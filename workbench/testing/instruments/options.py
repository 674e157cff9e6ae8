"""Options to try a plugin with: values that their types admit, alone and several at once."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from workbench.options import Option
from workbench.specs import Spec
from workbench.testing.checks import refuse

VALUES = (0.5, 0.1, 0.9, 2.0, 3, 2, 1, 4, 0, True, False, (2, 1), (1, 2), (2, 2), (3,), (-1,), None)
SEVERAL = 16  # sets of options of which about half are changed


def values_of(option: Option) -> list[Any]:
    """Up to eight values that the option's type admits, its default, if it has one, first.

    What a ``Literal`` lists, the ends of a range and what lies beside them, and ``VALUES``.
    """
    found = [] if option.required else [option.default]
    for value in (*_literals(option.annotation), *_ends(option.annotation), *VALUES):
        try:
            value = option.adapter.validate_python(value)
        except Exception:  # what pydantic refuses, and types it cannot read
            continue
        if not any(type(value) is type(other) and value == other for other in found):
            found.append(value)
    return found[:8]


def required_sets(options: Mapping[str, Option]) -> Iterator[dict[str, Any]]:
    """Values for all options that have no default: combinations of a few, 64 at most."""
    needed = {name: values_of(option)[:5] for name, option in options.items() if option.required}
    for values in itertools.islice(itertools.product(*needed.values()), 64):
        yield dict(zip(needed, values, strict=True))


def option_sets(options: Mapping[str, Option], required: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
    """The defaults, then each option changed alone, then some sets of several changed at once.

    ``required`` gives the options without a default their values; None: what ``required_sets`` begins with.
    """
    required = next(required_sets(options), {}) if required is None else required
    base = {name: option.default for name, option in options.items() if not option.required} | dict(required)
    others = {name: [value for value in values_of(options[name]) if value != base[name]] for name in base}
    yield base
    for name, values in others.items():
        for value in values:
            yield base | {name: value}
    changeable = [name for name, values in others.items() if values]
    rng = np.random.default_rng(0)
    for _ in range(SEVERAL if len(changeable) > 1 else 0):
        changed = [name for name in changeable if rng.random() < 0.5]
        yield base | {name: others[name][rng.integers(len(others[name]))] for name in changed}


def refuse_idle(plugin: Spec, what: str, answers: Callable[[dict[str, Any]], Iterable[np.ndarray]]) -> str:
    """Refuse a plugin with an option that changes no ``what`` in its ``answers(options)``; the names of all options."""
    base, *others = option_sets(plugin.options)
    for name in base:
        with_other = [options for options in others if options[name] != base[name]]
        if with_other and not any(
            (found != without).any()
            for options in with_other
            for found, without in zip(answers(options), answers(options | {name: base[name]}), strict=True)
        ):
            refuse(plugin, f"its option {name} changes no {what}, be it {base[name]!r} or {with_other[0][name]!r}.")
    return ", ".join(base) or "none"


def changed(options: Mapping[str, Option], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those values that are not the options' defaults."""
    return {name: v for name, v in values.items() if options[name].required or v != options[name].default}


def in_words(options: Mapping[str, Any]) -> str:
    """``units=3, bias=False``."""
    return ", ".join(f"{name}={value!r}" for name, value in options.items())


def _literals(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        yield from typing.get_args(annotation)
    else:
        for part in typing.get_args(annotation):
            yield from _literals(part)


def _ends(annotation: Any) -> Iterator[float]:
    parts = typing.get_args(annotation)
    ends = [getattr(part, side, None) for part in parts for side in ("ge", "gt", "le", "lt")]
    numbers = [end for end in ends if isinstance(end, int | float)]
    if numbers:
        yield (min(numbers) + max(numbers)) / 2
    for end in numbers:
        yield from (end, end + 1, end - 1)
    for part in parts:
        yield from _ends(part)
