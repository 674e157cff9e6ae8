"""my_idea is an activation, and has the values that its formula says."""

import math

import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("activation", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_values_by_hand():
    """Numbers of the formula: they change with it."""
    a = get("activation", "my_idea").function
    assert a(0.0) == 0
    assert a(1.0) == pytest.approx(1 / (1 + math.exp(-1)))
    assert a(-1.0, slope=2.0) == pytest.approx(-1 / (1 + math.exp(2)))
    assert a(1000.0) == 1000
