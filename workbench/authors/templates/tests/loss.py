"""my_idea is a loss, and has the values that its formula says."""

import math

import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("loss", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_values_by_hand():
    """Numbers of the formula: they change with it."""
    loss = get("loss", "my_idea").function
    assert loss(0.5, 0.5) == 0
    assert loss(0.0, 1.0) == pytest.approx(math.sqrt(2) - 1)
    assert loss(3.0, 1.0, delta=2.0) == pytest.approx(4 * (math.sqrt(2) - 1))
