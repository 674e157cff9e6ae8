"""What a check is: one question put to one plugin, answered by passing, with a note perhaps, or by an exception."""

from __future__ import annotations

import importlib
import inspect
import os
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from workbench.errors import PluginError, WorkbenchError
from workbench.specs import Spec, first_line

Status = Literal["passed", "warning", "failed", "skipped"]


class CheckFailed(PluginError):
    """The plugin is not what it should be; the message holds the smallest input found that shows it."""


class CheckWarning(UserWarning):
    """Nothing is wrong, yet the author will want to know."""


class CheckSkipped(Exception):
    """The question does not arise, or cannot be asked here; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """How a check ended; ``text`` is what was found."""

    status: Status
    text: str


@dataclass(frozen=True)
class Check:
    """One question to one plugin. Calling it raises ``CheckFailed``, ``CheckWarning`` or ``CheckSkipped``."""

    plugin: Spec
    function: Callable[[Any], str | None]

    @property
    def name(self) -> str:
        return self.function.__name__.removeprefix("check_").replace("_", " ")

    @property
    def question(self) -> str:
        """What is asked, in a sentence."""
        return first_line(self.function)

    def __call__(self) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the plugin's own arithmetic, at extreme values
            return self.function(self.plugin) or ""

    def outcome(self) -> Outcome:
        """The same without raising, whatever the plugin does; an interrupt goes through."""
        status: Status = "passed"
        try:
            text = self()
        except CheckWarning as warning:
            status, text = "warning", str(warning)
        except CheckSkipped as skipped:
            status, text = "skipped", str(skipped)
        except WorkbenchError as error:
            status, text = "failed", str(error)
        except Exception as error:  # a stranger's function may raise anything
            status, text = "failed", raised(error)
        return Outcome(status, text)


def raised(error: BaseException) -> str:
    """What an exception was, and where in the author's files it came from."""
    here = os.path.dirname(__file__)
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith((here, "<")) and "site-packages" not in f.filename]
    place = f"{os.path.relpath(theirs[-1].filename)}, line {theirs[-1].lineno}: " if theirs else ""
    return f"{place}{type(error).__name__}: {error}"


def checks_of(plugin: Spec) -> Iterator[Check]:
    """Everything that is asked of a plugin of this kind, from what any plugin must have to what takes longest."""
    modules = [importlib.import_module(f"workbench.testing.kinds.{name}") for name in ("common", plugin.kind)]
    for module in modules:
        for function in module.CHECKS:
            yield Check(plugin, function)


def refuse(plugin: Spec, problem: str) -> NoReturn:
    """Raise ``CheckFailed`` in the plugin's name."""
    raise CheckFailed(f"{plugin.kind} {plugin.name!r}: {problem}")


def signature_of(function: Callable) -> str:
    """``f(z, slope=1.0)``, as a message shows it."""
    signature = inspect.signature(function)
    plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
    named = signature.replace(parameters=plain, return_annotation=signature.empty)
    return f"{getattr(function, '__name__', repr(function))}{named}"
