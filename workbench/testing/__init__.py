"""Conformance checks, for authors of plugins to run in their own tests as ours do and as ``workbench check`` does."""

from workbench.testing.checks import Check, CheckFailed, CheckSkipped, CheckWarning, Outcome, checks_of
from workbench.testing.parametrize import parametrize_with_checks

__all__ = [
    "Check",
    "CheckFailed",
    "CheckSkipped",
    "CheckWarning",
    "Outcome",
    "checks_of",
    "parametrize_with_checks",
]
