"""my_idea is an estimator, and predicts what its formula says."""

import math

import pytest

from workbench import get
from workbench.testing import parametrize_with_checks


@parametrize_with_checks("estimator", "my_idea")
def test_it_is_what_it_says(check):
    check()


def test_predictions_by_hand():
    """Numbers of the formula: they change with it."""
    make = get("estimator", "my_idea").function
    options = {"n_neighbors": 2, "width": 0.5}
    X = [[0.0], [1.0], [100.0]]
    near, far = 1, math.exp(-(0.75**2 - 0.25**2) / (2 * 0.5**2))  # weights of 0 and 1, seen from 0.25
    assert make("regression", **options).fit(X, [2.0, 4.0, 9.0]).predict([[0.25]]) == pytest.approx(
        (2 * near + 4 * far) / (near + far)
    )
    assert make("classification", **options).fit(X, ["a", "b", "b"]).predict([[0.25]]) == ["a"]
