"""my_idea is a data set, and holds what it says."""

import numpy as np

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("dataset", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_classes_by_hand():
    """What the data are made of: it changes with them."""
    data = get("dataset", "my_idea").function(n_samples=100, squares=2, noise=0.0)
    assert data.X.shape == (100, 2)
    left, bottom = data.X.T < 1
    np.testing.assert_array_equal(data.y, left != bottom)  # the square at the origin is black, class 0
