"""my_idea is an optimizer, and takes the steps that its rule says."""

import math

import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("optimizer", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_steps_by_hand():
    """Numbers of the rule: they change with it."""
    rule = get("optimizer", "my_idea").function
    weight, velocity = rule(1.0, 0.5, 0.0, lr=0.1, step=1)
    assert (weight, velocity) == pytest.approx((1 - 0.1 * math.tanh(0.5), 0.5))
    weight, velocity = rule(weight, 1000.0, velocity, lr=0.1, step=2, momentum=0.5)
    assert (weight, velocity) == pytest.approx((0.9 - 0.1 * math.tanh(0.5), 1000.25))
