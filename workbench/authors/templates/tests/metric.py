"""my_idea is a metric, and has the values that its formula says."""

import math

import numpy as np
import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("metric", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_values_by_hand():
    """Numbers of the formula: they change with it."""
    metric = get("metric", "my_idea")
    origin, far = np.zeros(2), np.sinh([3.0, 4.0])
    assert metric.function(origin, far) == pytest.approx(5)
    assert metric.cost(origin, far) == pytest.approx(25)
    center = np.empty(2)
    metric.center(np.stack([origin, far]), center)
    assert center == pytest.approx([math.sinh(1.5), math.sinh(2)])
