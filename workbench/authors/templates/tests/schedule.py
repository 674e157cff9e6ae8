"""my_idea is a schedule, and has the factors that its formula says."""

import numpy as np

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("schedule", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_factors_by_hand():
    """Numbers of the formula: they change with it."""
    factor = get("schedule", "my_idea").function
    steps = np.array([0, 10, 30])  # the first step, and those after one epoch and after three
    np.testing.assert_allclose(factor(steps, total_steps=40, steps_per_epoch=10, decay=1.0), [1, 1 / 2, 1 / 4])
