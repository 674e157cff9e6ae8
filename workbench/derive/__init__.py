"""Derivatives on request: a function whose author gives no derivative has one derived from its source.

Forward mode: every name that moves with the argument gets a second one, its tangent, beside it. The result is plain
Python like the function itself, to be read, run and compiled like one written by hand. At a kink it is the derivative
from the left: whatever the function decides is decided as just before the point, by values and, where these are equal,
by tangents. So a smooth function that is written with ``abs``, ``max`` or branches has its exact derivative where the
branches meet, and that of relu at 0 is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.derive.derivation import Derivation
from workbench.derive.source import Underivable
from workbench.errors import PluginError


def derivative_of(function: Callable, owner: str, example: str) -> Callable:
    """The derivative ``(z, a, *options)`` of an activation ``function(z, *options)``; it makes no use of ``a``.

    ``PluginError`` for what cannot be derived: that ``owner`` lacks a derivative, what is in the way in which line, and
    an ``example`` of how to give one.
    """
    return _derived(function, 0, "a", "derivative", owner, example)


def gradient_of(function: Callable, owner: str, example: str) -> Callable:
    """The gradient with respect to ``y_pred`` of ``function(y_true, y_pred, *options)``, which takes the same."""
    return _derived(function, 1, None, "gradient", owner, example)


def source_of(function: Callable) -> str | None:
    """The text of a derived function and of what was derived for it; None of one that was written by hand."""
    return getattr(function, "derived_source", None)


def _derived(function: Any, argument: int, extra: str | None, noun: str, owner: str, example: str) -> Callable:
    try:
        return Derivation().write(function, argument, noun, extra)
    except Underivable as obstacle:
        place = f"{obstacle.file}, line {obstacle.line}: " if obstacle.line else ""
        raise PluginError(
            f"{owner} has no {noun}, and none can be derived: {place}{obstacle.reason}.\nGive a {noun}: {example}."
        ) from None
