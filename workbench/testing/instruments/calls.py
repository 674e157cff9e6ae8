"""Calls of a plugin's functions as plain Python: what they raise, or return for a number, becomes a refusal."""

from __future__ import annotations

import inspect
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.jit.fingerprint import names_in
from workbench.specs import Spec
from workbench.testing.checks import raised, refuse, signature_of
from workbench.testing.instruments.search import number


def attempt(plugin: Spec, what: str, call: Callable[[], Any]) -> Any:
    """What ``call`` returns. ``what`` says in a message what was asked for: ``its value at z = 1``."""
    try:
        return call()
    except Exception as error:  # a stranger's function may raise anything
        refuse(plugin, f"{what} raises {raised(error)}.")


def number_from(plugin: Spec, what: str, call: Callable[[], Any]) -> float:
    """The same of a function that must return a number."""
    found = attempt(plugin, what, call)
    if not isinstance(found, numbers.Real | np.bool_):
        refuse(plugin, f"{what} is {found!r}, not a number.")
    return float(found)


def check_order(plugin: Spec, function: Callable, expected: Sequence[str]) -> None:
    """Refuse a function that has the names of these arguments in another order; they are passed by position."""
    given = list(inspect.signature(function).parameters)[: len(expected)]
    if any(name != place and name in expected for name, place in zip(given, expected, strict=True)):
        refuse(plugin, f"it has {signature_of(function)}, but is called with ({', '.join(expected)}), in this order.")


def mentions(function: Any, *names: str) -> bool:
    """Whether any of these names stands in the function, or in one inside it."""
    return not names_in(function.__code__).isdisjoint(names) if hasattr(function, "__code__") else False


def in_words(*values: Any) -> str:
    """Numbers and rows as a message shows them: ``1``, ``(1, 0.5)``."""
    return " ".join(number(v) if np.ndim(v) == 0 else f"({', '.join(map(number, v))})" for v in values)


def differing(expected: np.ndarray, found: np.ndarray, rtol: float, atol: float = 0.0) -> tuple[int, ...] | None:
    """The first index at which arrays differ by more than ``atol`` and ``rtol`` of the largest finite number expected.

    Sums that cancel lose so much. NaN is equal to itself.
    """
    finite = np.abs(expected[np.isfinite(expected)])
    allowed = atol + rtol * (finite.max() if finite.size else 0.0)
    with np.errstate(invalid="ignore"):
        alike = (np.abs(expected - found) <= allowed) | (expected == found) | (np.isnan(expected) & np.isnan(found))
    if alike.all():
        return None
    return tuple(int(i) for i in np.unravel_index(int((~alike).argmax()), alike.shape))
