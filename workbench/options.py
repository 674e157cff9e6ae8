"""Options of a plugin: what its own signature declares, and the check of what a user passes."""

from __future__ import annotations

import functools
import inspect
import numbers
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workbench.errors import ConfigError, PluginError, did_you_mean

if TYPE_CHECKING:
    from pydantic import TypeAdapter, ValidationError

REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class Option:
    """One option: its name, its default (``REQUIRED`` if none) and its type.

    A type may carry a range, ``units: Annotated[int, Ge(1)]``, with the constraints of ``annotated_types``.
    """

    name: str
    default: Any
    annotation: Any

    @property
    def required(self) -> bool:
        return self.default is REQUIRED

    @functools.cached_property
    def adapter(self) -> TypeAdapter:
        """Checks values, strictly: no text for numbers, no fractions for whole ones."""
        from pydantic import ConfigDict, TypeAdapter

        return TypeAdapter(self.annotation, config=ConfigDict(strict=True, arbitrary_types_allowed=True))


def options_of(function: Callable, skip: Collection[str] = ()) -> dict[str, Option]:
    """The options a callable declares: its parameters besides ``skip``, typed by annotation or else by default.

    Raises ``PluginError`` if it has no readable signature (written in C, or annotated with a name that is not there).
    """
    return {option.name: option for option in _declared(function) if option.name not in skip}


@functools.cache
def _declared(function: Callable) -> tuple[Option, ...]:
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except (ValueError, NameError) as error:
        name = f"{function.__module__}.{function.__qualname__}"
        raise PluginError(f"the options of {name} cannot be read from its signature: {error}.") from None
    found = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        annotation = parameter.annotation
        if annotation is parameter.empty:
            untyped = parameter.default is parameter.empty or parameter.default is None
            annotation = Any if untyped else type(parameter.default)
        found.append(Option(parameter.name, parameter.default, annotation))
    return tuple(found)


def check_options(
    owner: str, options: Mapping[str, Option], given: Mapping[str, Any], where: str = ""
) -> dict[str, Any]:
    """Return every option's value, defaults filled in.

    ``owner`` names the plugin in messages (``"layer 'dense'"``), ``where`` the config key the values came from.
    Raises ``ConfigError`` for an unknown, missing, mistyped or out-of-range option.
    """
    at = f"{where}: " if where else ""
    for name in given:
        if name not in options:
            raise ConfigError(f"{at}{owner} has no option {name!r}{did_you_mean(str(name), options)}")
    checked = {}
    for name, option in options.items():
        if name not in given:
            if option.required:
                raise ConfigError(f"{at}{owner} needs the option {name!r}.")
            checked[name] = option.default
            continue
        checked[name] = _check_type(f"{at}{owner}: {name}", option, given[name], given[name])
    return checked


def _check_type(what: str, option: Option, value: Any, shown: Any) -> Any:
    if option.annotation is Any or value is option.default:
        return value
    from pydantic import ValidationError

    if isinstance(value, numbers.Integral) and not isinstance(value, bool):
        value = int(value)  # a parameter grid made with np.arange holds np.int64
    try:
        return option.adapter.validate_python(value)
    except ValidationError as error:
        if isinstance(value, list):  # YAML has no tuples
            return _check_type(what, option, tuple(value), shown)
        raise ConfigError(f"{what} = {shown!r}{_reason(error)}.") from None


_PLAINLY = {
    "Input ": "",
    "'str' instances are not allowed as a Sequence value": "should be a list",
    "an instance of Sequence": "a list",
    "a valid tuple": "a list",
    "Tuple ": "",
    " after validation": "",
}


def _reason(error: ValidationError) -> str:
    """What pydantic has against a value, or against the entry of a list; what a union would take is joined."""
    found = error.errors()
    deepest = max(len(each["loc"]) for each in found)
    found = [each for each in found if len(each["loc"]) == deepest]
    *_, place = ("", *found[0]["loc"])
    entry = ""
    if isinstance(place, int):
        found, entry = found[:1], f": entry {place + 1}"
    reason = " or ".join(dict.fromkeys(each["msg"] for each in found))
    for pydantic, plain in _PLAINLY.items():
        reason = reason.replace(pydantic, plain)
    return f"{entry} {reason.replace(' or should be ', ' or ')}"
