"""The conformance checks prove themselves: they find the mistake in at least 95 % of the mutants of the built-ins."""

import sys

import pytest
from mutants import mutants

from workbench.testing import checks_of

MUTANTS = list(mutants())
LEAST, SHARE = 60, 0.95
caught: dict = {}  # mutant -> the check that found it, or None


def finder(spec):
    """The first check that fails."""
    return next((check.name for check in checks_of(spec) if check.outcome().status == "failed"), None)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.kind}-{m.name}-{m.mistake}".replace(" ", "_"))
def test_a_mutant_is_caught(mutant, tmp_path):
    modules = set(sys.modules)
    try:
        caught[mutant] = finder(mutant.build(tmp_path))
    finally:
        for name in set(sys.modules) - modules:
            if name.startswith("mutant_"):
                del sys.modules[name]
    if caught[mutant] is None and mutant.survives:
        pytest.skip(f"survives: {mutant.survives}")
    assert caught[mutant] is not None


def test_at_least_95_percent_are_caught(pytestconfig):
    """After all the others; prints the table."""
    if len(caught) < len(MUTANTS):
        pytest.skip("only some of the mutants were tried")
    found = sum(check is not None for check in caught.values())
    lines = [f"{'kind':12}{'plugin':20}{'mistake':64}caught by"]
    lines += [f"{m.kind:12}{m.name:20}{m.mistake:64}{by or 'SURVIVES: ' + m.survives}" for m, by in caught.items()]
    lines.append(f"{found} of {len(MUTANTS)} mutants caught ({found / len(MUTANTS):.0%})")
    with pytestconfig.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print("", *lines, sep="\n")
    assert len(MUTANTS) >= LEAST
    assert found >= SHARE * len(MUTANTS)
