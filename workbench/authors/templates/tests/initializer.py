"""my_idea is an initializer, and spreads values as its formula says."""

import numpy as np
import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("initializer", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_spread_by_hand():
    """Numbers of the formula: they change with it."""
    draw = get("initializer", "my_idea").function
    values = draw(np.random.default_rng(0), shape=(400, 100), fan_in=400, fan_out=100, gain=2.0)
    # Of 40,000 values the standard deviation is within 0.35%, the mean within 0.5% of it: four times that is allowed.
    assert values.std() == pytest.approx(2 / 200**0.5, rel=0.014)
    assert values.mean() == pytest.approx(0, abs=0.02 * 2 / 200**0.5)
