"""The conformance checks prove themselves: they find the mistake in at least 95 % of the mutants of the built-ins.

``conftest.py`` prints the table at the end.
"""

import sys

import pytest
from mutants import mutants

from workbench.registry import registry
from workbench.testing import checks_of

MUTANTS = list(mutants())
LEAST, SHARE = 60, 0.95
caught: dict = {}  # mutant -> what found it, or None


def finder(mutant, folder):
    """The first check that fails, or else the first that warns, as it does not of the original; None if none does."""
    warns = None
    for check, original in zip(
        checks_of(mutant.build(folder)), checks_of(registry().get(mutant.kind, mutant.name)), strict=True
    ):
        status = check.outcome().status
        if status == "failed":
            return check.name
        if status == "warning" and warns is None and original.outcome().status != "warning":
            warns = f"{check.name} (warns)"
    return warns


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.kind}-{m.name}-{m.mistake}".replace(" ", "_"))
def test_a_mutant_is_caught(mutant, tmp_path, record_property):
    modules = set(sys.modules)
    try:
        caught[mutant] = finder(mutant, tmp_path)
    finally:
        for name in set(sys.modules) - modules:
            if name.startswith("mutant_"):
                del sys.modules[name]
    by = caught[mutant] or f"SURVIVES: {mutant.survives}"
    record_property("mutant", (mutant.kind, mutant.name, mutant.mistake, by))
    if caught[mutant] is None and mutant.survives:
        pytest.skip(f"survives: {mutant.survives}")
    assert caught[mutant] is not None


def test_at_least_95_percent_are_caught():
    """After all the others."""
    if len(caught) < len(MUTANTS):
        pytest.skip("only some of the mutants were tried")
    assert len(MUTANTS) >= LEAST
    assert sum(by is not None for by in caught.values()) >= SHARE * len(MUTANTS)
