"""Every plugin there is answers every question asked of its kind: a new one is tested on arrival."""

import pytest

from workbench.registry import registry
from workbench.specs import KINDS
from workbench.testing import checks_of

CHECKS = [(entry.spec, check) for entry in registry().entries() for check in checks_of(entry.spec)]


@pytest.mark.parametrize("check", [pytest.param(c, id=f"{s.kind}-{s.name}-{c.name}") for s, c in CHECKS])
def test_a_registered_plugin_conforms(check):
    outcome = check.outcome()
    if outcome.status == "skipped":
        pytest.skip(outcome.text)
    assert outcome.status != "failed", outcome.text


def test_every_kind_is_asked_something():
    assert {spec.kind for spec, _ in CHECKS} == KINDS.keys()


def test_every_check_says_what_it_asks():
    assert all(check.question and check.name for _, check in CHECKS)
