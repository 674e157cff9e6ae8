"""Errors a user can cause. Each says what was wrong, where, and what to do; none is shown with a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WorkbenchError(Exception):
    """Base of every error that is the user's to mend. The command line prints it in one piece and exits with code 2."""


class UnknownName(WorkbenchError, LookupError):
    """A name that nothing registered."""


class DuplicateName(WorkbenchError):
    """Two plugins claim one name."""


class PluginError(WorkbenchError):
    """A plugin that cannot be loaded, is misdeclared, or cannot be compiled."""


class ConfigError(WorkbenchError, ValueError):
    """A configuration value that is unknown, of the wrong type, or out of range."""


class DataError(WorkbenchError, ValueError):
    """Data that cannot be learned from: empty, not finite, or not fitting the loss."""


class TrainingDiverged(WorkbenchError, ArithmeticError):
    """The loss or a gradient stopped being finite."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'relu'? Known: ..."``: the tail of every unknown-name message."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    return f"{hint} Known: {', '.join(known) or 'none'}."
