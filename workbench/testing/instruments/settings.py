"""What an activation or a loss is tried with: its options at their defaults, then each changed alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from workbench.options import Option
from workbench.specs import Spec
from workbench.testing.checks import refuse
from workbench.testing.instruments.options import values_of

CHANGES = 2  # values tried of each option besides its default


@dataclass(frozen=True)
class Setting:
    """Values of all options in order, as kernels take them; ``text`` says which is not the default, for a message."""

    values: tuple[float, ...]
    text: str = ""


def settings_of(plugin: Spec) -> list[Setting]:
    """The defaults first. ``CheckFailed`` for an option that is no number, for kernels take nothing else."""
    base = {name: _default(plugin, option) for name, option in plugin.options.items()}
    found = [Setting(tuple(base.values()))]
    for name, option in plugin.options.items():
        for value in _others(option, base[name]):
            values = tuple((base | {name: value}).values())
            found.append(Setting(values, f" with {name} = {value:g}"))
    return found


def in_words_of(settings: list[Setting]) -> str:
    """What was tried, for a note."""
    others = ",".join(setting.text for setting in settings[1:])
    return f"tried at the defaults and{others}" if others else "no options"


def _default(plugin: Spec, option: Option) -> float:
    numbers = list(_numbers([option.default] if not option.required else values_of(option)))
    if not numbers:
        default = "can be none" if option.required else f"has the default {option.default!r}"
        refuse(plugin, f"its option {option.name} {default}; compiled code takes numbers only.")
    return numbers[0]


def _others(option: Option, default: float) -> list[float]:
    """Near the default where its type allows: an option without a range may mean nothing further off."""
    near = [1.5 * default, 0.5 * default] if isinstance(option.default, float) else []
    admitted = []
    for value in near:
        try:
            admitted.append(option.adapter.validate_python(value))
        except Exception:  # pydantic's, of many kinds
            continue
    return [value for value in dict.fromkeys(_numbers([*admitted, *values_of(option)])) if value != default][:CHANGES]


def _numbers(values: Iterable) -> Iterator[float]:
    for value in values:
        if isinstance(value, bool | int | float):
            yield float(value)
